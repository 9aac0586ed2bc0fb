// Keys, copying, answers while one types, and paging without a reload; every page works without this.
"use strict";

const field = document.querySelector("input[type=search]");
const keys = document.getElementById("keys");
const isTyping = (element) => element.matches("input, textarea, select, [contenteditable]");
let isGoing = false;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const went = isGoing;
  isGoing = false;
  if (event.key === "/") {
    event.preventDefault();
    keys.close();
    field.focus();
    field.select();
  } else if (event.key === "?") {
    if (keys.open) keys.close();
    else keys.showModal();
  } else if (went) {
    const link = document.querySelector(`.rail a[data-key="${CSS.escape(event.key)}"]`);
    if (link) link.click();
  } else if (event.key === "g") {
    isGoing = true;
  }
});

const copy = async (element, text) => {
  await navigator.clipboard.writeText(text);
  element.classList.add("copied");
  setTimeout(() => element.classList.remove("copied"), 1200);
};

// Without a secure context there is no clipboard, and nothing is offered.
const offerCopies = () => {
  if (!navigator.clipboard) return;
  for (const element of document.querySelectorAll(".command:not(.offered)")) {
    element.classList.add("offered");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    const text = element.textContent;
    button.addEventListener("click", () => copy(button, text));
    element.after(button);
  }
  for (const element of document.querySelectorAll(".digest:not(.copyable)")) {
    if (element.closest("a")) continue;
    element.classList.add("copyable");
    element.addEventListener("click", () => copy(element, element.title));
  }
};
offerCopies();

// Puts the main part of another page of this hub in the place of this one's, or only the part of that name where both have
// one. What comes late for a question that has changed is dropped; what does not come at all is left to the browser.
let asked = new AbortController();
const show = async (address, name) => {
  asked.abort();
  asked = new AbortController();
  try {
    const answer = await fetch(address, { signal: asked.signal, credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.redirected || !page.getElementById("main")) throw new Error("not a page like this one");
    const [here, there] = [document, page].map((one) => name && one.getElementById(name));
    if (here && there) {
      here.replaceWith(there);
      offerCopies();
      return;
    }
    for (const part of ["main", "footer"]) {
      const [here, there] = [document.querySelector(`.page > ${part}`), page.querySelector(`.page > ${part}`)];
      if (here && there) here.replaceWith(there);
      else if (here) here.remove();
      else if (there) document.querySelector(".page").append(there);
    }
    document.title = page.title;
    for (const link of document.querySelectorAll(".rail li a")) {
      const like = page.querySelector(`.rail a[data-key="${CSS.escape(link.dataset.key)}"]`);
      if (like && like.hasAttribute("aria-current")) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    offerCopies();
  } catch (error) {
    if (error.name !== "AbortError") location.assign(address);
  }
};

// One entry of the history for a question, however many letters it took.
let typing;
field.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    const address = `/search?q=${encodeURIComponent(field.value.trim())}`;
    if (location.pathname === "/search") history.replaceState(null, "", address);
    else history.pushState(null, "", address);
    show(address);
  }, 150);
});

// A form that narrows a list shows the narrowed list beside it.
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-live]");
  if (!form) return;
  clearTimeout(typing);
  typing = setTimeout(() => {
    const address = new URL(form.action);
    address.search = new URLSearchParams(new FormData(form));
    history.replaceState(null, "", address);
    show(address, form.dataset.live);
  }, 150);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest(".pager a");
  if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  const part = link.closest(".part");
  show(link.href, part?.id).then(() => {
    const shown = document.getElementById(part?.id ?? "main");
    if (part) shown.scrollIntoView();
    else scrollTo(0, 0);
    shown.focus({ preventScroll: true });
  });
});

addEventListener("popstate", () => {
  field.value = location.pathname === "/search" ? (new URLSearchParams(location.search).get("q") ?? "") : "";
  show(location.href);
});
