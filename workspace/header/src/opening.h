/*
 * The C interface between topwork and its plugins.
 *
 * Made from the project's sources by `just generate`. This file is all that a plugin needs: copy
 * it, implement one or more of the tables below, build a shared library. C99 or later, C++11 or
 * later.
 *
 * A plugin is a shared library with the name libtopwork_plugin_NAME.so (.dylib on macOS,
 * topwork_plugin_NAME.dll on Windows). It exports one function, topwork_plugin_entry, which returns
 * a table; everything else is reached through that. A whole plugin, with a backbone `tiny`:
 *
 * @EXAMPLE@
 *
 *     cc -std=c99 -shared -fPIC -fvisibility=hidden -O2 -o libtopwork_plugin_tiny.so tiny.c
 *     topwork plugins check libtopwork_plugin_tiny.so
 *     topwork run experiment.toml --plugin-dir .
 *
 * @RULES@
 */
#ifndef TOPWORK_PLUGIN_H
#define TOPWORK_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Makes a function visible outside of its library, also where -fvisibility=hidden hides the rest. */
#if defined(_WIN32)
#define TOPWORK_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define TOPWORK_EXPORT __attribute__((visibility("default")))
#else
#define TOPWORK_EXPORT
#endif

/* The initialiser of a topwork_text for a string literal: topwork_text id = TOPWORK_TEXT("tiny"); */
#define TOPWORK_TEXT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

#ifdef __cplusplus
extern "C" {
#endif
