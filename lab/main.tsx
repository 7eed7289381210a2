import { render } from 'preact'
import './style/tokens.css'
import './style/base.css'
import './style/axes.css'
import './style/charts.css'
import './style/bench.css'
import './style/experiments.css'
import './style/lessons.css'
import './style/studies.css'
import { Shell } from './shell.js'

const root = document.getElementById('lab')
if (root) render(<Shell />, root)
