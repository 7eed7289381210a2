import type { Module } from '../module.js'

/**
 * Puts what `replace` returns in the place of each module below `root`, wherever it occurs; null leaves a module and looks inside it.
 * @returns root, or its own replacement
 */
export function replaceModules(root: Module, replace: (module: Module, path: string) => Module | null): Module {
  const replacements = new Map<Module, Module | null>()
  const replacementOf = (module: Module, path: string): Module | null => {
    if (!replacements.has(module)) {
      // Before the modules inside are visited: a module may contain itself.
      replacements.set(module, null)
      replacements.set(module, replace(module, path))
      if (replacements.get(module) === null) visit(module, path)
    }
    return replacements.get(module) ?? null
  }
  const visit = (parent: Module, prefix: string) => {
    for (const [name, child] of parent.namedChildren()) {
      const replacement = replacementOf(child, prefix ? `${prefix}.${name}` : name)
      if (replacement) parent.setSubmodule(name, replacement)
    }
  }
  return replacementOf(root, '') ?? root
}
