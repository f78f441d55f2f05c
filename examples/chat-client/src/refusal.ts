/** Something that the user can do something about. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}
