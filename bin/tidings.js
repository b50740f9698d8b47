#!/usr/bin/env node
// Not built, so that npm finds it to link when it installs a clone that is not built yet.
import '../dist/cli/main.js'
