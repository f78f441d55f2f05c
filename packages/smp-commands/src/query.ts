// Spec 12 §12.1: query strings of addresses and links.

/**
 * The parameters of a query, the first of several with the same name: separated by `&` or `;`, `+` for a space, no value
 * without `=`; what is no escape stays as it is.
 */
export function parseQuery(text: string): { get(name: string): string | null } {
  return new URLSearchParams(text.replaceAll(';', '&'))
}

/** `name=value` joined by `&`; everything in a value except `A-Z a-z 0-9 - _ . ~` is escaped. */
export function queryToText(params: readonly (readonly [name: string, value: string])[]): string {
  return params.map(([name, value]) => `${name}=${escapeValue(value)}`).join('&')
}

function escapeValue(value: string): string {
  const others = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`
  return encodeURIComponent(value).replace(/[!'()*]/g, others)
}
