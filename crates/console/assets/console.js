// Keys and copying; every page works without this.
"use strict";

const isTyping = (element) => element.matches("input, textarea, select, [contenteditable]");
let isGoing = false;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const went = isGoing;
  isGoing = false;
  if (event.key === "/") {
    event.preventDefault();
    const field = document.querySelector("input[type=search]");
    field.focus();
    field.select();
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
if (navigator.clipboard) {
  for (const element of document.querySelectorAll(".command")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    const text = element.textContent;
    button.addEventListener("click", () => copy(button, text));
    element.after(button);
  }
  for (const element of document.querySelectorAll(".digest")) {
    if (element.closest("a")) continue;
    element.classList.add("copyable");
    element.addEventListener("click", () => copy(element, element.title));
  }
}
