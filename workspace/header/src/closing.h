
/* ============================================================================================== */

/* For convenience; no part of the interface between the two sides. */

/* Appends a text that ends with a zero to a sink. A null sink takes nothing. */
static inline void topwork_write(const topwork_sink *sink, const char *text) {
    if (sink != NULL) {
        sink->write(sink->context, (const uint8_t *)text, strlen(text));
    }
}

/* Explains a failure, and gives back `status`: return topwork_fail(error, STATUS, "why"); */
static inline topwork_status topwork_fail(const topwork_sink *error, topwork_status status,
                                          const char *message) {
    topwork_write(error, message);
    return status;
}

#ifdef __cplusplus
}
#endif

#endif
