import { go, route } from '../state/app.js'
import { LessonRun } from './lesson-run.js'
import { lessons } from './lessons.js'

/** Ten claims to guess and then to run. */
export function LessonsPage() {
  const [, id] = route.value.path
  if (!id) return <Index />
  const at = lessons.findIndex((lesson) => lesson.id === id)
  if (at < 0) {
    return (
      <div class="lead">
        <h1>There is no lesson “{id}”</h1>
        <p>
          The address may be of another version of the lab. <a href="#/lessons">All lessons</a>
        </p>
      </div>
    )
  }
  const { title, text, code, why } = lessons[at]
  return (
    <article class="lesson" key={id}>
      <div class="lead">
        <p class="count">
          <a href="#/lessons">Lesson</a> {at + 1} of {lessons.length}
        </p>
        <h1>{title}</h1>
        {text.map((paragraph) => (
          <p key={paragraph}>{paragraph}</p>
        ))}
      </div>
      <pre class="snippet" tabIndex={0} role="region" aria-label="PyTorch code">
        <code>{code}</code>
      </pre>
      <LessonRun lesson={lessons[at]} />
      <section class="why" aria-labelledby="why">
        <h2 id="why">Why</h2>
        {why.map((paragraph) => (
          <p key={paragraph}>{paragraph}</p>
        ))}
      </section>
      <nav class="onward" aria-label="Lessons">
        {at > 0 && <a href={`#/lessons/${lessons[at - 1].id}`}>← {lessons[at - 1].title}</a>}
        {at + 1 < lessons.length ? (
          <button type="button" class="primary" onClick={() => onward(lessons[at + 1].id)}>
            Next: {lessons[at + 1].title}
          </button>
        ) : (
          <a href="#/workbench">To the workbench →</a>
        )}
      </nav>
    </article>
  )
}

/** The next page begins at its top, for the eye and for a screen reader. */
function onward(id: string): void {
  go(['lessons', id])
  scrollTo(0, 0)
  document.getElementById('content')?.focus({ preventScroll: true })
}

const Index = () => (
  <>
    <div class="lead">
      <h1>Predict, then run</h1>
      <p>Ten short lessons. Each asks a question that people get wrong, and runs it here, on the library itself. What is right is read off the run.</p>
    </div>
    <ol class="cards lesson-cards">
      {lessons.map(({ id, title, question }) => (
        <li key={id} class="panel">
          <h2>
            <a href={`#/lessons/${id}`}>{title}</a>
          </h2>
          <p>{question}</p>
        </li>
      ))}
    </ol>
  </>
)
