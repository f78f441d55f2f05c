// How things look on the screen.
import { printable } from 'example-chat'

/** What has become of a message of ours. */
export type Mark = 'queued' | 'sent' | 'received' | 'failed'

export const marks: Readonly<Record<Mark, string>> = { queued: '…', sent: '✓', received: '✓✓', failed: '✗' }

export interface Style {
  bold(text: string): string
  dim(text: string): string
  name(text: string): string
  warn(text: string): string
}

export function createStyle(isColoured: boolean): Style {
  const paint = (code: number) => (text: string) => (isColoured ? `\x1b[${code}m${text}\x1b[0m` : text)
  return { bold: paint(1), dim: paint(2), name: paint(36), warn: paint(33) }
}

const twoDigits = (value: number) => String(value).padStart(2, '0')

/** Hours and minutes, with the date if it is another day than `now`. */
export function timeOf(at: number, now: number): string {
  const date = new Date(at)
  const day = (value: Date) => `${value.getFullYear()}-${twoDigits(value.getMonth() + 1)}-${twoDigits(value.getDate())}`
  const time = `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}`
  return day(date) === day(new Date(now)) ? time : `${day(date)} ${time}`
}

/** A peer's text; further lines of it are indented, so that none looks like one of the program. */
export const shownText = (text: string): string => printable(text, '\n      ')

/** The beginning of a text, on one line. */
export function shortened(text: string, length = 40): string {
  const characters = [...printable(text)]
  return characters.length <= length ? characters.join('') : `${characters.slice(0, length - 1).join('')}…`
}

export const helpText = `  /invite [full]     make an invitation for one person, as link and QR code
  /address [full]    show your contact address, for any number of people
  /join LINK         use an invitation or an address of somebody else
  /contacts          list your contacts, and who waits to be accepted
  /accept [NUMBER]   let somebody in who asks at your address
  /reject [NUMBER]   or do not; they are not told
  /chat NAME         choose whom to write to; then just type
  @NAME TEXT         write to somebody else in between
  /history [COUNT]   the last messages with whom you write to
  /name NAME         be called something else from now on
  /sync NAME         make the encryption anew, when told that it is out of step
  /switch NAME       move where you receive from somebody to another server
  /delete NAME       forget a contact, and tell them
  /notifications     how a notification server wakes you, see the README:
                     on ADDRESS --provider webhook|webpush --listen HOST:PORT
                     or off
  /help              this list
  /quit              end; nothing is lost

  ✓ the server has your message, ✓✓ the program of your contact has it.
  TAB completes commands and names, and a beginning of a name will do.
  A text that begins with / is written with two: //text.`
