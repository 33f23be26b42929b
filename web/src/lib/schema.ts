import { get } from './api'

/** A Node is a part of the configuration's JSON Schema. */
export interface Node {
  type?: string | string[]
  properties?: Record<string, Node>
  items?: Node
  additionalProperties?: Node | boolean
  enum?: unknown[]
  default?: unknown
  description?: string
  format?: string
  writeOnly?: boolean
  required?: string[]
  minimum?: number
  maximum?: number
  examples?: unknown[]
  'x-order'?: string[]
  'x-refers'?: string
  'x-machine'?: boolean
  $ref?: string
  $defs?: Record<string, Node>
  anyOf?: Node[]
  oneOf?: Node[]
}

export const MASK = '********'

let loading: Promise<Node> | null = null

/** schema reads the schema of the whole document, once. */
export function schema(): Promise<Node> {
  loading ??= get<Node>('/config/schema').catch((e) => {
    loading = null
    throw e
  })
  return loading
}

/** at follows names from the document's root; "[]" is the item of a list, "{}" the value of a map. */
export function at(root: Node, path: string): Node {
  let n = resolve(root, root)
  for (const name of path.split('.').filter(Boolean)) {
    if (name === '[]') n = resolve(root, n.items ?? {})
    else if (name === '{}') n = resolve(root, typeof n.additionalProperties === 'object' ? n.additionalProperties : {})
    else n = resolve(root, n.properties?.[name] ?? {})
  }
  return n
}

export function resolve(root: Node, n: Node): Node {
  for (let hops = 0; n.$ref && hops < 20; hops++) {
    const name = n.$ref.replace(/^#\/(\$defs|components\/schemas|definitions)\//, '')
    const target = root.$defs?.[name]
    if (!target) return n
    n = { ...target, ...omitRef(n) }
  }
  const some = n.anyOf ?? n.oneOf
  if (some && !n.type) {
    const real = some.map((x) => resolve(root, x)).find((x) => x.type !== 'null')
    if (real) n = { ...real, ...n }
  }
  return n
}

function omitRef(n: Node): Node {
  const { $ref: _, ...rest } = n
  return rest
}

/** fieldsOf is an object's fields, in the order of the file. */
export function fieldsOf(n: Node): [string, Node][] {
  const order = n['x-order'] ?? []
  const rank = (k: string) => (order.includes(k) ? order.indexOf(k) : order.length)
  return Object.entries(n.properties ?? {}).sort(([a], [b]) => rank(a) - rank(b))
}

export function typeOf(n: Node): string {
  const t = Array.isArray(n.type) ? n.type.find((x) => x !== 'null') : n.type
  if (t) return t
  if (n.properties) return 'object'
  if (n.items) return 'array'
  if (typeof n.additionalProperties === 'object') return 'object'
  return 'string'
}
