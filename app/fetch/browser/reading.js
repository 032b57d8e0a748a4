// What is run inside a page, in a world of its own: the page's scripts can neither see it nor change what it uses.
(() => {
  let changed = performance.now();
  let taken = '';
  new MutationObserver(() => { changed = performance.now(); })
    .observe(document, { childList: true, subtree: true, characterData: true });

  // The children as they are shown: an open shadow tree stands in for those of its host, what is slotted for the slot's.
  function children(node) {
    if (node.shadowRoot) return node.shadowRoot.childNodes;
    const slotted = node instanceof HTMLSlotElement ? node.assignedNodes() : [];
    return slotted.length ? slotted : node.childNodes;
  }

  // The document that the copy belongs to has no scripts: nothing runs, nothing is loaded.
  function copied(node, into) {
    const copy = into.importNode(node, false);
    for (const child of children(node)) copy.appendChild(copied(child, into));
    return copy;
  }

  function html() {
    const page = document.documentElement;
    if (!page) return ''; // it broke off before its first element
    if (![...page.querySelectorAll('*')].some(element => element.shadowRoot)) return page.outerHTML;
    try {
      return copied(page, document.implementation.createHTMLDocument()).outerHTML;
    } catch (error) {
      return page.outerHTML; // nested too deep for recursion
    }
  }

  // An index that parts no character made of two units.
  function whole(index) {
    const before = taken.charCodeAt(index - 1);
    return before >= 0xd800 && before < 0xdc00 ? index + 1 : index;
  }

  globalThis.secateurs = {
    // Failed: the browser tells of an error instead. Complete: the load event is over. Quiet: milliseconds since
    // something was drawn. Text: whether there is any.
    state: () => ({
      failed: location.protocol === 'chrome-error:',
      complete: document.readyState === 'complete',
      quiet: performance.now() - changed,
      text: Boolean(document.body && document.body.innerText.trim()),
    }),
    // Takes the page down as it is now, for `slice` to hand out.
    read: () => {
      taken = String(html()).toWellFormed();
      if (taken && document.doctype) taken = '<!DOCTYPE html>\n' + taken;
      return { url: location.href, length: taken.length };
    },
    slice: (start, length) => ({ html: taken.slice(whole(start), whole(start + length)) }),
  };
})();
