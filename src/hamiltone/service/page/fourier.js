// The discrete Fourier transform (Cooley and Tukey's, radix 2).

const tables = new Map();

/** Transform in place; with the two arrays exchanged it is the inverse, times the size. */
export function transform(real, imaginary) {
  const size = real.length;
  if (!tables.has(size)) tables.set(size, table(size));
  const { cosines, sines } = tables.get(size);
  for (let i = 1, j = 0; i < size; i += 1) {
    let bit = size >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      const [r, s] = [real[i], imaginary[i]];
      real[i] = real[j];
      imaginary[i] = imaginary[j];
      real[j] = r;
      imaginary[j] = s;
    }
  }
  for (let half = 1; half < size; half *= 2) {
    const step = size / (2 * half);
    for (let start = 0; start < size; start += 2 * half) {
      for (let k = 0; k < half; k += 1) {
        const even = start + k;
        const odd = even + half;
        const cosine = cosines[k * step];
        const sine = sines[k * step];
        const r = cosine * real[odd] - sine * imaginary[odd];
        const s = cosine * imaginary[odd] + sine * real[odd];
        real[odd] = real[even] - r;
        imaginary[odd] = imaginary[even] - s;
        real[even] += r;
        imaginary[even] += s;
      }
    }
  }
}

function table(size) {
  const angle = (i) => (-2 * Math.PI * i) / size;
  return {
    cosines: Float64Array.from({ length: size / 2 }, (_, i) => Math.cos(angle(i))),
    sines: Float64Array.from({ length: size / 2 }, (_, i) => Math.sin(angle(i))),
  };
}
