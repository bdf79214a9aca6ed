#!/bin/sh
echo; id
