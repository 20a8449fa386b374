// A formula that is wider than the page scrolls; the keyboard has to reach it too.
(() => {
  // told before the next picture: of a narrower page, and of a formula that its fonts made wider
  const sizes = new ResizeObserver((entries) => {
    for (const formula of new Set(entries.map(({ target }) => target.closest("mjx-container")))) {
      if (formula?.scrollWidth > formula?.clientWidth) formula.tabIndex = 0;
      else formula?.removeAttribute("tabindex");
    }
  });
  const met = new WeakSet();
  const observe = () => {
    for (const math of document.querySelectorAll('mjx-container[display="true"] > mjx-math')) {
      if (met.has(math)) continue;
      met.add(math);
      sizes.observe(math);
      sizes.observe(math.parentElement);
    }
  };
  // formulas are set as the reader comes near them
  const article = document.querySelector(".bd-article");
  if (article) new MutationObserver(observe).observe(article, { childList: true, subtree: true });
})();
