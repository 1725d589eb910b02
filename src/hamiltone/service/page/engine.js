// Which engine the page runs on. A static export puts another file in this one's place.
export { createEngine } from "./engine-http.js";
