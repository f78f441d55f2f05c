// Bytes of messages, for people.
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const bytes = (text) => encoder.encode(text)
export const textOf = (value) => decoder.decode(value)
