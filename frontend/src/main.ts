import { mount } from "svelte";
import App from "./App.svelte";
import { language } from "./lib/language.svelte";
import "./lib/tokens.css";

void language.ready.then(() => mount(App, { target: document.getElementById("app")! }));
