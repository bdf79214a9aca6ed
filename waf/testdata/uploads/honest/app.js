#!/usr/bin/env node
'use strict';
const { execSync } = require('child_process');
function render(name) { return '<script>' + name + '</script>'; }
document.cookie = 'a=b'; eval('1+1'); window.location = 'javascript:void(0)';
module.exports = { render, list: () => execSync('ls -la /tmp').toString() };
