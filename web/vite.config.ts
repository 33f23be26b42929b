import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'
import { mock } from './mock/plugin.mjs'

export default defineConfig({
  plugins: [svelte(), mock()],
  build: {
    target: 'es2022',
    outDir: 'dist',
    assetsInlineLimit: 0, // data: addresses would need a weaker Content-Security-Policy
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
})
