import { cpSync } from 'node:fs';
import { join } from 'node:path';

import { defineConfig } from 'vite';

const icons = {
  name: 'icons',
  closeBundle: () =>
    cpSync('node_modules/@grafana/ui/dist/public/img/icons', join('dist', 'build', 'img', 'icons'), { recursive: true }),
};

export default defineConfig({
  plugins: [icons],
  define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
  build: {
    outDir: 'dist',
    chunkSizeWarningLimit: 20_000,
    minify: false,
    reportCompressedSize: false,
    // What is odd about packages of others is nothing that we could mend.
    rollupOptions: { onwarn: (warning, warn) => warning.id?.includes('node_modules') || warn(warning) },
  },
  // The page asks Prometheus where it comes from itself.
  preview: {
    host: '127.0.0.1',
    strictPort: true,
    proxy: { '/api/v1': process.env.PROMETHEUS_URL ?? 'http://127.0.0.1:9090' },
  },
});
