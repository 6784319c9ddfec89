/* topwork_json.h tried on many texts; compiled as C and as C++. Exits with the number of cases that went wrong. */

#include "topwork_json.h"

#include <math.h>
#include <stdio.h>

static int wrong, tried;

static topwork_text text_of(const char *text) {
    topwork_text made;
    made.data = (const uint8_t *)text;
    made.len = strlen(text);
    return made;
}

static void tell(bool right, const char *what, const char *json, const char *pointer) {
    tried++;
    if (!right) {
        wrong++;
        printf("%s of `%s` in `%s`\n", what, pointer, json);
    }
}

static void number(const char *json, const char *pointer, topwork_json_status status, double expected) {
    double found = -77;
    topwork_json_status got = topwork_json_number(text_of(json), pointer, -1e300, 1e300, &found);
    tell(got == status && found == (got == TOPWORK_JSON_OK ? expected : -77), "number", json, pointer);
}

static void within(const char *json, double lowest, double highest, topwork_json_status status) {
    double found;
    tell(topwork_json_number(text_of(json), "", lowest, highest, &found) == status, "bounds", json, "");
}

static void integer(const char *json, int64_t lowest, int64_t highest, topwork_json_status status, int64_t expected) {
    int64_t found = -77;
    topwork_json_status got = topwork_json_integer(text_of(json), "/n", lowest, highest, &found);
    tell(got == status && found == (got == TOPWORK_JSON_OK ? expected : -77), "integer", json, "/n");
}

static void truth(const char *json, const char *pointer, topwork_json_status status, bool expected) {
    bool found = !expected;
    topwork_json_status got = topwork_json_bool(text_of(json), pointer, &found);
    tell(got == status && (got == TOPWORK_JSON_OK) == (found == expected), "bool", json, pointer);
}

static void string(const char *json, const char *pointer, size_t room, topwork_json_status status, const char *expected) {
    char found[64] = "untouched";
    size_t length = 77;
    topwork_json_status got = topwork_json_string(text_of(json), pointer, found, room, &length);
    bool right = got == status;
    if (got == TOPWORK_JSON_OK) {
        right = right && length == strlen(expected) && strcmp(found, expected) == 0;
    } else {
        right = right && length == 77 && strcmp(found, "untouched") == 0;
    }
    tell(right, "string", json, pointer);
}

static void length(const char *json, const char *pointer, topwork_json_status status, size_t expected) {
    size_t found = 77;
    topwork_json_status got = topwork_json_length(text_of(json), pointer, &found);
    tell(got == status && found == (got == TOPWORK_JSON_OK ? expected : 77), "length", json, pointer);
}

static void only(const char *json, topwork_json_status status) {
    static const char *const KEYS[] = {"bins", "learning-rate", "a/b"};
    tell(topwork_json_only(text_of(json), KEYS, 3) == status, "only", json, "");
}

static void kind(const char *json, topwork_json_kind expected) {
    topwork_json_kind found;
    topwork_json_status got = topwork_json_kind_of(text_of(json), "", &found);
    tell(got == TOPWORK_JSON_OK && found == expected, "kind", json, "");
}

static void malformed(const char *json) {
    topwork_text found;
    tell(topwork_json_at(text_of(json), "/a", &found) == TOPWORK_JSON_MALFORMED, "malformed", json, "/a");
}

/* Nested so deep, with a number inside. */
static void nested(int depth, topwork_json_status status) {
    char json[2 * 200 + 2];
    topwork_text found;
    memset(json, '[', (size_t)depth);
    json[depth] = '1';
    memset(json + depth + 1, ']', (size_t)depth);
    json[2 * depth + 1] = 0;
    tell(topwork_json_at(text_of(json), "", &found) == status, "depth", json, "");
}

/* Every beginning of a text, and the text with each byte replaced by others, in memory that ends with it: nothing behind the end is
 * read, which a sanitizer watches, and no beginning is taken for the whole. */
static void hostile(const char *json) {
    static const char *const POINTERS[] = {"", "/a", "/b/0", "/b/1/c", "/d~1e", "/\xC3\xA4", "//", "/b/-1"};
    static const uint8_t BYTES[] = {0, '"', '\\', '{', '}', '[', ']', ',', ':', '0', 'e', '.', '-', 'u', 0xFF};
    size_t whole = strlen(json);
    for (size_t len = 0; len <= whole; len++) {
        for (size_t other = 0; other <= sizeof BYTES; other++) {
            for (size_t at = 0; at < (other == 0 ? 1 : len); at++) {
                uint8_t *copy = (uint8_t *)malloc(len + 1) + 1; /* ends where the memory does */
                topwork_text text = {copy, len}, key, value;
                memcpy(copy, json, len);
                if (other > 0) {
                    copy[at] = BYTES[other - 1];
                }
                for (size_t p = 0; p < sizeof POINTERS / sizeof *POINTERS; p++) {
                    char room[8];
                    double real;
                    int64_t integral;
                    bool yes;
                    size_t count;
                    topwork_json_status status = topwork_json_at(text, POINTERS[p], &value);
                    if (other == 0 && len > 0 && len < whole && status != TOPWORK_JSON_MALFORMED) {
                        tell(false, "beginning", json, POINTERS[p]);
                    }
                    if (status == TOPWORK_JSON_OK &&
                        (value.len == 0 || (len > 0 && (value.data < copy || value.data + value.len > copy + len)))) {
                        tell(false, "place", json, POINTERS[p]);
                    }
                    topwork_json_number(text, POINTERS[p], -1, 1, &real);
                    topwork_json_integer(text, POINTERS[p], -1, 1, &integral);
                    topwork_json_bool(text, POINTERS[p], &yes);
                    topwork_json_string(text, POINTERS[p], room, sizeof room, NULL);
                    topwork_json_length(text, POINTERS[p], &count);
                    topwork_json_entry(text, POINTERS[p], 1, &key, &value);
                }
                topwork_json_only(text, POINTERS, 2);
                free(copy - 1);
            }
        }
    }
    tried++;
}

int main(void) {
    const topwork_json_status OK = TOPWORK_JSON_OK, MISSING = TOPWORK_JSON_MISSING, TYPE = TOPWORK_JSON_WRONG_TYPE,
                              RANGE = TOPWORK_JSON_OUT_OF_RANGE, ROOM = TOPWORK_JSON_NO_ROOM,
                              UNKNOWN = TOPWORK_JSON_UNKNOWN_KEY, MALFORMED = TOPWORK_JSON_MALFORMED;
    number("3", "", OK, 3);
    number(" { \"a\" : -2.5e3 } ", "/a", OK, -2500);
    number("{\"a\": 0.1}", "/a", OK, 0.1);
    number("{\"a\": 0.30000000000000004}", "/a", OK, 0.1 + 0.2);
    number("{\"a\": 5e-324}", "/a", OK, 5e-324);
    number("{\"a\": 1E+2}", "/a", OK, 100);
    number("{\"a\": -0}", "/a", OK, 0);
    number("{\"a\": 1e999}", "/a", RANGE, 0);
    number("{\"a\": \"3\"}", "/a", TYPE, 0);
    number("{\"a\": null}", "/a", TYPE, 0);
    number("{\"a\": [1, [2, 3]]}", "/a/1/0", OK, 2);
    number("{\"a\": [1, [2, 3]]}", "/a/2", MISSING, 0);
    number("{\"a\": [1, [2, 3]]}", "/a/01", MISSING, 0);
    number("{\"a\": [1, [2, 3]]}", "/a/-1", MISSING, 0);
    number("{\"a\": [1, [2, 3]]}", "/a/", MISSING, 0);
    number("{\"a\": [1]}", "/a/99999999999999999999999", MISSING, 0);
    number("{\"a\": 1}", "/a/0", MISSING, 0);
    number("{\"a\": {\"0\": 4}}", "/a/0", OK, 4);
    number("{\"a\": {\"b\": 1}, \"c\": {\"b\": 2}}", "/c/b", OK, 2);
    number("{\"a\": 1, \"a\": 2}", "/a", OK, 1);
    number("{\"ab\": 1, \"a\": 2}", "/a", OK, 2);
    number("{\"a\": 1}", "a", MISSING, 0);
    number("{\"\": 5}", "/", OK, 5);
    number("{\"\": {\"\": 6}}", "//", OK, 6);
    number("{\"a/b\": 7}", "/a~1b", OK, 7);
    number("{\"a~b\": 8}", "/a~0b", OK, 8);
    number("{\"~1\": 9}", "/~01", OK, 9);
    number("{\"a\\/b\": 7}", "/a~1b", OK, 7);
    number("{\"\\u0061\": 1}", "/a", OK, 1);
    number("{\"\\u00e4\": 2}", "/\xC3\xA4", OK, 2);
    number("{\"\xC3\xA4\": 3}", "/\xC3\xA4", OK, 3);
    number("", "/a", MISSING, 0);
    number("{}", "/a", MISSING, 0);
    number("{\"a\": 1} x", "/a", MALFORMED, 0);
    within("1", 1, 1, OK);
    within("1", 1.5, 2, RANGE);
    within("2.5", 1.5, 2, RANGE);
    within("1e999", -HUGE_VAL, HUGE_VAL, RANGE);
    within("1", NAN, 2, RANGE);
    integer("{\"n\": 3}", 0, 10, OK, 3);
    integer("{\"n\": 3.0}", 0, 10, OK, 3);
    integer("{\"n\": 3e0}", 0, 10, OK, 3);
    integer("{\"n\": 3.5}", 0, 10, TYPE, 0);
    integer("{\"n\": -3}", -3, 10, OK, -3);
    integer("{\"n\": 11}", 0, 10, RANGE, 0);
    integer("{\"n\": 9007199254740992}", INT64_MIN, INT64_MAX, OK, INT64_C(9007199254740992));
    integer("{\"n\": 9007199254740994}", INT64_MIN, INT64_MAX, RANGE, 0);
    integer("{\"n\": true}", 0, 10, TYPE, 0);
    integer("{}", 0, 10, MISSING, 0);
    truth("{\"a\": true}", "/a", OK, true);
    truth("{\"a\": false}", "/a", OK, false);
    truth("{\"a\": 1}", "/a", TYPE, true);
    truth("{\"a\": \"true\"}", "/a", TYPE, true);
    truth("{\"b\": true}", "/a", MISSING, true);
    string("\"\"", "", 1, OK, "");
    string("{\"a\": \"abc\"}", "/a", 4, OK, "abc");
    string("{\"a\": \"abc\"}", "/a", 3, ROOM, "");
    string("{\"a\": \"\"}", "/a", 0, ROOM, "");
    string("{\"a\": 1}", "/a", 10, TYPE, "");
    string("{\"a\": \"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "/a", 20, OK, "\"\\/\b\f\n\r\t");
    string("{\"a\": \"\\u00df\\u20AC\\ud83d\\ude00\"}", "/a", 20, OK, "\xC3\x9F\xE2\x82\xAC\xF0\x9F\x98\x80");
    string("{\"a\": \"\xF0\x9F\x98\x80\"}", "/a", 5, OK, "\xF0\x9F\x98\x80");
    string("{\"a\": \"\\ud83d\\ude00\"}", "/a", 4, ROOM, "");
    string("[\"a\", \"b\"]", "/1", 2, OK, "b");
    length("[]", "", OK, 0);
    length("[1, [2, 3], {}]", "", OK, 3);
    length("[1, [2, 3], {}]", "/1", OK, 2);
    length("{\"a\": 1, \"b\": [1]}", "", OK, 2);
    length("", "", OK, 0);
    length("{}", "/a", MISSING, 0);
    length("\"abc\"", "", TYPE, 0);
    length("[1,", "", MALFORMED, 0);
    only("", OK);
    only("{}", OK);
    only("{\"bins\": 1, \"a\\/b\": {\"other\": 1}}", OK);
    only("{\"learning\\u002drate\": 1}", OK);
    only("{\"bins\": 1, \"bin\": 2}", UNKNOWN);
    only("{\"binss\": 1}", UNKNOWN);
    only("[\"bins\"]", TYPE);
    only("{\"bins\": }", MALFORMED);
    kind("null", TOPWORK_JSON_NULL);
    kind("true", TOPWORK_JSON_BOOL);
    kind("false", TOPWORK_JSON_BOOL);
    kind("-1", TOPWORK_JSON_NUMBER);
    kind("\"a\"", TOPWORK_JSON_STRING);
    kind("[1]", TOPWORK_JSON_ARRAY);
    kind(" {\"a\":1}", TOPWORK_JSON_OBJECT);
    static const char *const MALFORMED_TEXTS[] = {
        " ", "nul", "truely", "+1", "01", "1.", ".5", "1e", "1e+", "-", "0x10", "NaN", "Infinity", "'a'", "{", "}", "[", "]",
        "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{a:1}", "{1:2}", "{\"a\":1 \"b\":2}", "\"", "\"\\\"",
        "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800\\n\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\n\"",
        "\"\t\"", "{} {}", "1 1", "[1]]", "/* */ {}", "{\"a\": 1, \"b\": tru}"};
    for (size_t i = 0; i < sizeof MALFORMED_TEXTS / sizeof *MALFORMED_TEXTS; i++) {
        malformed(MALFORMED_TEXTS[i]);
    }
    nested(TOPWORK_JSON_DEEPEST - 1, OK);
    nested(TOPWORK_JSON_DEEPEST, MALFORMED);
    nested(200, MALFORMED);
    char digits[200];
    memset(digits, '1', 199);
    digits[TOPWORK_JSON_LONGEST_NUMBER] = 0;
    within(digits, 0, 1e300, OK);
    digits[TOPWORK_JSON_LONGEST_NUMBER] = '1';
    digits[199] = 0;
    within(digits, 0, 1e300, RANGE);
    hostile("{\"a\": [true, null], \"b\": [1.5e1, {\"c\": \"\\u00e4\\ud83d\\ude00\"}], \"d/e\": {}}");
    hostile("[-0.5E-3, \"\xC3\xA4\\n\", [[], [false]]]");
    printf("%d cases, %d wrong\n", tried, wrong);
    return wrong > 255 ? 255 : wrong;
}
