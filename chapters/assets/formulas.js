// A formula that is wider than the page scrolls; the keyboard has to reach it too.
(() => {
  const mark = () => {
    for (const formula of document.querySelectorAll('mjx-container[display="true"]')) {
      if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0;
      else formula.removeAttribute("tabindex");
    }
  };
  window.addEventListener("load", () => window.MathJax?.startup?.promise?.then(mark));
  window.addEventListener("resize", mark);
})();
