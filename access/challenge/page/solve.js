(() => {
  "use strict";
  const form = document.getElementById("form");
  const say = (text) => { document.getElementById("said").textContent = text; };

  // Who is asked again and again has solved it again and again, and lost what it got. To go on would never end.
  const comesBack = () => {
    const key = "wafer-challenge", now = Date.now();
    const times = (sessionStorage.getItem(key) || "").split(" ").filter((t) => t > now - 60000);
    sessionStorage.setItem(key, times.concat(now).join(" "));
    return times.length >= 3;
  };

  // SHA-256 of a text that fits in one block. The browser's own is there on encrypted pages alone.
  const k = Int32Array.of(
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2);
  const w = new Int32Array(64);
  const turn = (x, n) => (x >>> n) | (x << (32 - n));
  const zeros = (text) => {
    const n = text.length;
    w.fill(0, 0, 16);
    for (let i = 0; i < n; i++) w[i >> 2] |= text.charCodeAt(i) << (24 - 8 * (i & 3));
    w[n >> 2] |= 0x80 << (24 - 8 * (n & 3));
    w[15] = 8 * n;
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15], y = w[i - 2];
      w[i] = w[i - 16] + w[i - 7] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
    }
    let a = 0x6a09e667, b = 0xbb67ae85, c = 0x3c6ef372, d = 0xa54ff53a;
    let e = 0x510e527f, f = 0x9b05688c, g = 0x1f83d9ab, h = 0x5be0cd19;
    for (let i = 0; i < 64; i++) {
      const s = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + k[i] + w[i]) | 0;
      const t = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + s) | 0; d = c; c = b; b = a; a = (s + t) | 0;
    }
    return Math.clz32(a + 0x6a09e667); // never more are asked for than the first word has
  };

  const seed = form.elements.puzzle.value.slice(-32) + ".", bits = Number(form.dataset.bits);
  const began = performance.now();
  let n = 0;
  const step = () => {
    const now = performance.now(), end = now + (document.hidden ? 400 : 40);
    do {
      for (let i = 0; i < 500; i++, n++) {
        if (zeros(seed + n) >= bits) {
          form.elements.answer.value = n;
          form.action += location.hash; // which the redirect keeps
          form.submit();
          return;
        }
      }
    } while (performance.now() < end);
    if (now - began > 5000) say("This takes longer than usual. Please leave this page open.");
    setTimeout(step, 0); // lets the browser breathe
  };

  const stop = (text) => {
    say(text);
    document.getElementById("again").hidden = false;
    document.getElementById("retry").addEventListener("click", () => location.reload());
  };
  const lost = "Your browser does not keep the cookie that says it was checked. Please allow cookies for this site.";
  try {
    if (!navigator.cookieEnabled) return stop(lost);
    if (comesBack()) return stop(lost + " If they are allowed, your network address may change all the time, as behind some proxies.");
  } catch {
    return stop(lost); // a browser without cookies refuses to store anything
  }
  say("Checking your browser…");
  step();
})();
