// A formula that is wider than the page scrolls; the keyboard has to reach it too.
(() => {
  const mark = () => {
    for (const formula of document.querySelectorAll('mjx-container[display="true"]')) {
      if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0;
      else formula.removeAttribute("tabindex");
    }
  };
  let timer;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(mark, 100);
  };
  // formulas are set as the reader comes near them
  const article = document.querySelector(".bd-article");
  if (article) new MutationObserver(later).observe(article, { childList: true, subtree: true });
  window.addEventListener("resize", later);
})();
