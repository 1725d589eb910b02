/** What an engine throws: a word for the page, a line for people; of a recording that is too long, its seconds. */
export class EngineError extends Error {
  constructor(code, message, { seconds = null } = {}) {
    super(message);
    this.code = code;
    this.seconds = seconds;
  }
}
