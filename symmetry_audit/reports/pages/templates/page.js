"use strict";
for (const button of document.querySelectorAll(".copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const holder = button.closest(".command, .verdict");
    const said = button.textContent;
    try {
      await navigator.clipboard.writeText(holder.querySelector("code, .sentence").textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(holder.querySelector("code, .sentence"));
      button.textContent = "Marked; copy it with the keyboard";
    }
    setTimeout(() => { button.textContent = said; }, 2000);
  });
}
for (const turner of document.querySelectorAll(".turner")) {
  turner.hidden = false;
  const dots = JSON.parse(turner.dataset.dots);
  const section = turner.closest("section");
  const picture = section.querySelector(".picture");
  const places = [[section.querySelector(".dot-before"), 1], [section.querySelector(".dot-after"), 3]];
  const turn = () => {
    const dot = dots[turner.querySelector("input").value];
    picture.style.transform = `rotate(${dot[0]}deg) scale(${dot[0] % 180 ? 0.72 : 1})`;
    turner.querySelector("output").textContent = dot[5];
    for (const [circle, at] of places) {
      if (dot[at] === null) continue;
      circle.removeAttribute("visibility");
      circle.setAttribute("cx", dot[at]);
      circle.setAttribute("cy", dot[at + 1]);
    }
  };
  turner.querySelector("input").addEventListener("input", turn);
  turn();
}
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details:not([open])")) {
    part.open = true;
    part.dataset.opened = "";
  }
});
addEventListener("afterprint", () => {
  for (const part of document.querySelectorAll("details[data-opened]")) part.open = false;
});
