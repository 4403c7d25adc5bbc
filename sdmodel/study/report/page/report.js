"use strict";
// Search and filters of the questions, and the outcome that instruments are ranked by.
(() => {
  const byId = (id) => document.getElementById(id);
  const questions = [...document.querySelectorAll("article.question")];
  const texts = new Map(questions.map((one) => [one, one.textContent.toLowerCase()]));

  function filter() {
    const wanted = byId("search").value.trim().toLowerCase();
    const word = byId("verdict").value;
    const level = byId("level").value;
    let shown = 0;
    for (const one of questions) {
      const fits = (!wanted || texts.get(one).includes(wanted))
        && (!word || one.dataset.words.split("|").includes(word))
        && (!level || one.dataset.level.split(" ").includes(level));
      one.hidden = !fits;
      const entry = document.querySelector(`#contents a[href="#${CSS.escape(one.id)}"]`);
      if (entry) entry.parentElement.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    byId("count").textContent = shown === questions.length ? String(shown) : `${shown} / ${questions.length}`;
  }

  for (const id of ["search", "verdict", "level"]) byId(id).addEventListener("input", filter);
  const rank = byId("rank");
  if (rank) {
    rank.addEventListener("input", () => {
      for (const list of document.querySelectorAll("div.ranked")) list.hidden = list.id !== rank.value;
    });
  }
  document.documentElement.dataset.ready = "yes";
})();
