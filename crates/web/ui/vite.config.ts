import { defineConfig } from 'vite';

// During development the pages come from Vite and the API from a running monitor.
const monitor = process.env['PORTREEVE_URL'] ?? 'http://127.0.0.1:7678';

export default defineConfig({
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    target: 'es2021',
    // One file each of script and style: the whole is small, and a page that needs one more request is slower.
    cssCodeSplit: false,
    // The page is served under `default-src 'self'`: nothing may become a data: address, and the polyfill is an inline script.
    assetsInlineLimit: 0,
    modulePreload: false,
  },
  server: { proxy: { '/api': monitor, '/metrics': monitor } },
});
