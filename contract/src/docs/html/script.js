"use strict";

// Copy a command. The clipboard API exists only on https and on localhost.
function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied ? Promise.resolve() : Promise.reject(new Error("not copied"));
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => {
    const say = (word) => {
      button.textContent = word;
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    };
    copy(button.previousElementSibling.textContent).then(() => say("Copied"), () => say("Press Ctrl+C"));
  });
}

// Show the events whose name or text contains the input.
const links = [...document.querySelectorAll("nav [data-events] a")];
const sections = new Map(links.map((link) => [link, document.querySelector(link.hash)]));
document.querySelector("nav input").addEventListener("input", ({ target }) => {
  const wanted = target.value.trim().toLowerCase();
  for (const [link, section] of sections) {
    const hidden = !section.textContent.toLowerCase().includes(wanted);
    link.parentElement.hidden = hidden;
    section.hidden = hidden;
  }
});

// Highlight the section in view in the navigation.
const current = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const link = document.querySelector(`nav a[href="#${target.id}"]`);
    if (link) link.classList.toggle("current", isIntersecting);
  }
}, { rootMargin: "-10% 0px -80% 0px" });
for (const section of document.querySelectorAll("section")) current.observe(section);
