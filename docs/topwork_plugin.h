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
 *     #include "topwork_plugin.h"
 *
 *     // The layers as a JSON document: see topwork_backbone_table.
 *     static const char NETWORK[] =
 *         "{ \"format\": 1, \"input\": [1, 28, 28],"
 *         "  \"layers\": ["
 *         "    {\"name\": \"conv1\", \"op\": \"conv2d\", \"filters\": 8, \"kernel\": [5, 5]},"
 *         "    {\"name\": \"relu1\", \"op\": \"relu\"},"
 *         "    {\"name\": \"pool1\", \"op\": \"max-pool2d\", \"kernel\": [2, 2]},"
 *         "    {\"name\": \"flatten\", \"op\": \"flatten\"}],"
 *         "  \"cuts\": [{\"name\": \"features\", \"after\": \"flatten\"}] }";
 *
 *     // There are no parameters and nothing to remember: any address will do for an instance.
 *     static int nothing;
 *
 *     static topwork_status create(const topwork_host_services *host, topwork_text parameters,
 *                                  topwork_instance *instance, const topwork_sink *error) {
 *         (void)host, (void)parameters, (void)error;
 *         *instance = &nothing;
 *         return TOPWORK_STATUS_OK;
 *     }
 *
 *     static void destroy(topwork_instance instance) { (void)instance; }
 *
 *     static topwork_status network(topwork_instance instance, const topwork_sink *blueprint,
 *                                   const topwork_sink *error) {
 *         (void)instance, (void)error;
 *         topwork_write(blueprint, NETWORK);
 *         return TOPWORK_STATUS_OK;
 *     }
 *
 *     static const topwork_backbone_table BACKBONE = {sizeof(topwork_backbone_table), network};
 *
 *     static const topwork_component TINY = {
 *         sizeof(topwork_component),
 *         TOPWORK_KIND_BACKBONE_BLUEPRINT,
 *         TOPWORK_TEXT("tiny"),                            // its id, for `use = "tiny"`
 *         TOPWORK_TEXT("one convolution for 28 x 28 images"),
 *         TOPWORK_TEXT("{\"type\": \"object\", \"properties\": {}, \"additionalProperties\": false}"),
 *         create, destroy, &BACKBONE, NULL, NULL, NULL};
 *
 *     static const topwork_component *const COMPONENTS[] = {&TINY};
 *
 *     static const topwork_entry ENTRY = {
 *         sizeof(topwork_entry), TOPWORK_ABI_MAJOR, TOPWORK_ABI_MINOR,
 *         TOPWORK_TEXT("my-plugin"), TOPWORK_TEXT("1.0.0"), TOPWORK_TEXT("MIT"),
 *         NULL, NULL, COMPONENTS, 1};
 *
 *     const topwork_entry *topwork_plugin_entry(void) { return &ENTRY; }
 *
 *     cc -std=c99 -shared -fPIC -fvisibility=hidden -O2 -o libtopwork_plugin_tiny.so tiny.c
 *     topwork plugins check libtopwork_plugin_tiny.so
 *     topwork run experiment.toml --plugin-dir .
 *
 * Rules that hold everywhere
 * --------------------------
 *
 * - Versions. Same major: compatible. A newer minor only appends fields to tables and adds
 *   constants. Every table starts with `size`, the number of bytes its writer knew (in a table to
 *   be filled: has room for); a reader or filler touches a field only where `size` covers it. A
 *   table is never shorter than in the first version that had it; a field added later counts as
 *   zero where `size` does not cover it. Unknown numbers (a kind, a status) are skipped or treated
 *   as failures, never as undefined behaviour: that is why kinds and statuses are integers here and
 *   no enums.
 * - Ownership. Nobody frees what the other side allocated. A plugin's tables and texts live until
 *   the process ends unless a field says otherwise (the library is never unloaded). What the host
 *   passes into a call lives until that call returns, apart from topwork_host_services, which lives
 *   until the process ends.
 * - Text is UTF-8, a pointer and a length, without a terminating zero. An empty text may have a
 *   null pointer.
 * - Errors. A call that can fail returns a topwork_status. Any status but TOPWORK_STATUS_OK may be
 *   explained by writing to the `error` sink: the first line is the message (lowercase, no final
 *   period), what follows it is a hint. Output parameters are meaningful only after
 *   TOPWORK_STATUS_OK.
 * - Unwinding must not leave a function of either side: a panic or a C++ exception is caught and
 *   becomes TOPWORK_STATUS_PANICKED (plugin) or is swallowed (host).
 * - State. `init` comes before everything but reading the tables; `create` before any call on an
 *   instance; `destroy` after the last one; `deinit` after the last `destroy`.
 * - Threads. Any thread may call, but calls on one instance never overlap except where a function
 *   says that they may. Calls on different instances may always overlap.
 * - Numbers. Tensors are row-major, images are channels × height × width, labels count from 0.
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

typedef struct topwork_entry topwork_entry;
typedef struct topwork_text topwork_text;
typedef struct topwork_sink topwork_sink;
typedef struct topwork_host_services topwork_host_services;
typedef struct topwork_component topwork_component;
typedef struct topwork_dataset_table topwork_dataset_table;
typedef struct topwork_dataset_description topwork_dataset_description;
typedef struct topwork_split topwork_split;
typedef struct topwork_dataset_provenance_table topwork_dataset_provenance_table;
typedef struct topwork_dataset_decoder_table topwork_dataset_decoder_table;
typedef struct topwork_dataset_images_table topwork_dataset_images_table;
typedef struct topwork_backbone_table topwork_backbone_table;
typedef struct topwork_extractor_table topwork_extractor_table;
typedef struct topwork_extractor_network_table topwork_extractor_network_table;
typedef struct topwork_extractor_onnx_table topwork_extractor_onnx_table;
typedef struct topwork_cut_rule_table topwork_cut_rule_table;
typedef struct topwork_network_head_table topwork_network_head_table;
typedef struct topwork_classifier_table topwork_classifier_table;
typedef struct topwork_features topwork_features;
typedef struct topwork_fit_options topwork_fit_options;
typedef struct topwork_fit_report topwork_fit_report;
typedef struct topwork_classifier_save_table topwork_classifier_save_table;
typedef struct topwork_classifier_scores_table topwork_classifier_scores_table;
typedef struct topwork_classifier_facts_table topwork_classifier_facts_table;
typedef struct topwork_classifier_path_table topwork_classifier_path_table;
typedef struct topwork_classifier_layers_table topwork_classifier_layers_table;
typedef struct topwork_dataset_numbers_table topwork_dataset_numbers_table;
typedef struct topwork_classifier_numbers_table topwork_classifier_numbers_table;

/* ============================================================================================== */

/* What both sides use everywhere, and the table a plugin begins with. */

/* The major number of the ABI described here. A plugin with another one is not opened. */
#define TOPWORK_ABI_MAJOR UINT32_C(1)

/*
 * The minor number of the ABI described here. 1.0 is the first: datasets, blueprint backbones,
 * network heads, classifiers. 1.1 has extractor backbones and cut rules as well, 1.2 classifiers
 * that say what their scores are and what they do, and that are fitted for several values of a
 * parameter at once, extractors that give their model or are networks, and datasets that say where
 * their samples come from, hand out images at their own size and have numbers as targets.
 */
#define TOPWORK_ABI_MINOR UINT32_C(2)

/* The name of the one symbol a plugin exports. */
#define TOPWORK_ENTRY_SYMBOL "topwork_plugin_entry"

/*
 * The type of the exported symbol: it returns the plugin's topwork_entry, or null when it cannot
 * offer one.
 *
 * A function and not a constant, because every language can export a function in the same way on
 * every system, and because it lets a plugin put its tables together on the first call. It must be
 * cheap, may be called on any thread and more than once, and returns the same pointer each time.
 */
TOPWORK_EXPORT const topwork_entry *topwork_plugin_entry(void);

/*
 * UTF-8 text that somebody else owns: a pointer to `len` bytes. The pointer may be null when `len`
 * is 0.
 */
struct topwork_text {
    /* The first byte. */
    const uint8_t *data;
    /* The number of bytes. */
    size_t len;
};

/* How a call ended. */
typedef uint32_t topwork_status;
/* The call did what it is for. */
#define TOPWORK_STATUS_OK ((topwork_status)UINT32_C(0))
/* It failed for a reason that is none of the following. */
#define TOPWORK_STATUS_FAILED ((topwork_status)UINT32_C(1))
/*
 * The parameters, or the shapes the host asks for, are not ones this component can work with: the
 * user's mistake.
 */
#define TOPWORK_STATUS_BAD_PARAMETERS ((topwork_status)UINT32_C(2))
/* Data that the component needs is missing, altered or unreadable. */
#define TOPWORK_STATUS_BAD_DATA ((topwork_status)UINT32_C(3))
/* The call ended early because the host asked it to stop. */
#define TOPWORK_STATUS_STOPPED ((topwork_status)UINT32_C(4))
/*
 * A panic or an exception was caught at the edge of the plugin. The instance must only be destroyed
 * after that.
 */
#define TOPWORK_STATUS_PANICKED ((topwork_status)UINT32_C(5))
/* The component does not offer this. */
#define TOPWORK_STATUS_UNSUPPORTED ((topwork_status)UINT32_C(6))
/* The host broke this contract: a null pointer or a table that is too short. */
#define TOPWORK_STATUS_BAD_CALL ((topwork_status)UINT32_C(7))

/*
 * What a plugin is and what it offers. Its first three fields keep their place in every version of
 * the ABI, so that a host can refuse a plugin of another major with a sentence before it reads
 * anything else.
 */
struct topwork_entry {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /* The plugin's TOPWORK_ABI_MAJOR. */
    uint32_t abi_major;
    /* The plugin's TOPWORK_ABI_MINOR. */
    uint32_t abi_minor;
    /* The plugin's id: 1 to 64 of `a-z`, `0-9` and `-`, unique among the plugins a user has. */
    topwork_text id;
    /* The plugin's version, for people: `1.4.0`. */
    topwork_text version;
    /* The plugin's licence as an SPDX expression. */
    topwork_text licence;
    /*
     * Prepares the whole library; null when there is nothing to prepare. Called once for every host
     * that opens the library in this process, before the first `create`. `host` is that host's
     * services; work done for an instance uses the services given to its `create`.
     */
    topwork_status (*init)(const topwork_host_services *host, const topwork_sink *error);
    /* Undoes one successful `init`; may be null. No instance made for that host is left. */
    void (*deinit)(void);
    /* `component_count` pointers to components, each not null. Reading them needs no `init`. */
    const topwork_component *const *components;
    /* How many components there are. */
    size_t component_count;
};

/*
 * A place of the caller's to which the callee writes text or bytes whose length nobody knows
 * beforehand.
 *
 * It may be used only during the call it was passed to and only on the thread of that call. The
 * caller may cut off what exceeds its limits.
 */
struct topwork_sink {
    /* Handed back to `write` unchanged. */
    void *context;
    /*
     * Appends `len` bytes, copied before it returns. May be called any number of times, also with
     * parts of a character.
     */
    void (*write)(void *context, const uint8_t *data, size_t len);
};

/* ============================================================================================== */

/* What the host does for a plugin. */

/* How important a line of the log is. */
typedef uint32_t topwork_level;
/* Something went wrong. */
#define TOPWORK_LEVEL_ERROR ((topwork_level)UINT32_C(1))
/* Something may be wrong. */
#define TOPWORK_LEVEL_WARNING ((topwork_level)UINT32_C(2))
/* Worth knowing. */
#define TOPWORK_LEVEL_INFO ((topwork_level)UINT32_C(3))
/* For the author of the plugin. */
#define TOPWORK_LEVEL_DEBUG ((topwork_level)UINT32_C(4))

/*
 * Services of the host. Lives until the process ends; any function may be called on any thread,
 * also from threads that the plugin started, and takes `context` as its first argument.
 */
struct topwork_host_services {
    /* The bytes of this table that the host filled. */
    size_t size;
    /* The host's own, handed back unchanged. */
    void *context;
    /* Records a line in the run's log. */
    void (*log)(void *context, topwork_level level, topwork_text text);
    /*
     * Says that `done` of `total` steps of the present call are made; `total` is 0 when it is not
     * known. `text` says what the steps are. The host shows it, so that people see a long call
     * live. A call of a run that has told of no progress, nor logged a line, for the limit the user
     * has set (ten minutes, if nothing is said) is ended, and the process with it. A look at
     * plugins (opening, `create` and what describes an instance) has a limit of a minute, which
     * progress does not extend.
     */
    void (*progress)(void *context, uint64_t done, uint64_t total, topwork_text text);
    /*
     * Whether the call should end soon with TOPWORK_STATUS_STOPPED. Cheap enough to ask at every
     * iteration.
     */
    bool (*should_stop)(void *context);
    /* How many threads a call may keep busy, at least 1. */
    size_t (*threads)(void *context);
    /*
     * Finds a data file by its path relative to a data folder (`/` between the parts, no `..`), and
     * writes the absolute path of the first match to `path`. When no folder has it:
     * TOPWORK_STATUS_BAD_DATA, and the error names the folders searched.
     */
    topwork_status (*find_data)(
        void *context,
        topwork_text relative,
        const topwork_sink *path,
        const topwork_sink *error);
    /*
     * The absolute path of a folder for files that can be made again. It may not exist yet. Valid
     * until the process ends.
     */
    topwork_text (*cache_folder)(void *context);
};

/* ============================================================================================== */

/* What every component has, whatever its kind. */

/* An instance of a component: the plugin's own, opaque to the host, which only hands it back. */
typedef void *topwork_instance;

/* What a component is. The tens leave room for relatives. */
typedef uint32_t topwork_kind;
/* Labelled images: a topwork_dataset_table. */
#define TOPWORK_KIND_DATASET ((topwork_kind)UINT32_C(1))
/* A backbone given as a description that the host builds and trains: a topwork_backbone_table. */
#define TOPWORK_KIND_BACKBONE_BLUEPRINT ((topwork_kind)UINT32_C(10))
/* A backbone that computes features itself: a topwork_extractor_table. Since 1.1. */
#define TOPWORK_KIND_BACKBONE_EXTRACTOR ((topwork_kind)UINT32_C(11))
/* A rule that says where to cut a backbone: a topwork_cut_rule_table. Since 1.1. */
#define TOPWORK_KIND_CUT_RULE ((topwork_kind)UINT32_C(20))
/* A head of layers that the host trains: a topwork_network_head_table. */
#define TOPWORK_KIND_NETWORK_HEAD ((topwork_kind)UINT32_C(30))
/* A head that fits itself to features once: a topwork_classifier_table. */
#define TOPWORK_KIND_CLASSIFIER_HEAD ((topwork_kind)UINT32_C(31))

/* One thing a plugin offers: a dataset, a backbone, a head. */
struct topwork_component {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /*
     * What it is; decides the type behind `table`. A host skips components of kinds it does not
     * know.
     */
    topwork_kind kind;
    /*
     * The component's id, as written after `use =`: 1 to 64 of `a-z`, `0-9` and `-`. No two
     * datasets, no two backbones (of either kind), no two cut rules and no two heads (of either
     * kind) of a plugin share one.
     */
    topwork_text id;
    /* One line for people about what it is. */
    topwork_text about;
    /* The JSON Schema of the parameters, a JSON object. */
    topwork_text parameter_schema;
    /*
     * Makes an instance. `parameters` is a JSON object that fits `parameter_schema`; keys left out
     * mean their defaults. `host` serves this instance and lives until the process ends. On success
     * `*instance` is set and not null. It should be quick: heavy work belongs to the first call
     * that needs it.
     */
    topwork_status (*create)(
        const topwork_host_services *host,
        topwork_text parameters,
        topwork_instance *instance,
        const topwork_sink *error);
    /*
     * Releases an instance and everything it handed out. No call on it is running or will follow.
     */
    void (*destroy)(topwork_instance instance);
    /*
     * The functions of its kind: a topwork_dataset_table, topwork_backbone_table,
     * topwork_extractor_table, topwork_cut_rule_table, topwork_network_head_table or
     * topwork_classifier_table.
     */
    const void *table;
    /*
     * Gives the table of an ability beyond the basic one, asked for by an id with a revision such
     * as TOPWORK_CLASSIFIER_SAVE; null means that it is not offered. The function itself may be
     * null.
     */
    const void *(*extension)(topwork_text id);
    /* The plugin's own, handed to `create_in_context` unchanged. Since 1.2. */
    const void *context;
    /*
     * As `create`, for components that a plugin puts together while it runs, of which one function
     * makes many: such as a bridge to another language. Where it is not null, a host calls it in
     * place of `create`, which must be there all the same. Since 1.2.
     */
    topwork_status (*create_in_context)(
        const void *context,
        const topwork_host_services *host,
        topwork_text parameters,
        topwork_instance *instance,
        const topwork_sink *error);
};

/* ============================================================================================== */

/* Datasets: labelled images in named splits. */

/*
 * The functions of a dataset. The host filters classes, draws subsets, shuffles and normalises; a
 * dataset only reads.
 */
struct topwork_dataset_table {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /*
     * Fills `*description`, whose `size` the host has set: the plugin writes no field beyond it.
     * Quick where it can be. A dataset that must look at all its files to know which can be read
     * may take long the first time: then it reports progress, keeps what it found in the cache
     * folder, and describes what it knows by then once the host wishes to stop. What it says never
     * changes during the life of the instance, and the pointers in it stay valid as long.
     */
    topwork_status (*describe)(
        topwork_instance instance,
        topwork_dataset_description *description,
        const topwork_sink *error);
    /*
     * Writes the labels of a split, in its order, to `labels`, which has room for `capacity` of
     * them (the split's length), and sets `*count` to how many the split has. No label reaches the
     * number of classes. With TOPWORK_READS_IN_PARALLEL, calls may overlap with others on the same
     * instance.
     */
    topwork_status (*labels)(
        topwork_instance instance,
        size_t split,
        uint32_t *labels,
        size_t capacity,
        size_t *count,
        const topwork_sink *error);
    /*
     * Writes the samples with the given `count` indices (each below the split's length; any order,
     * repeats allowed) one after the other to `samples`: `count` × channels × height × width
     * elements, `bytes` bytes, aligned for the element type and holding some valid number already.
     * With TOPWORK_READS_IN_PARALLEL, calls may overlap with others on the same instance.
     */
    topwork_status (*read)(
        topwork_instance instance,
        size_t split,
        const uint64_t *indices,
        size_t count,
        void *samples,
        size_t bytes,
        const topwork_sink *error);
};

/* The type of one number of a sample. */
typedef uint32_t topwork_element;
/* One byte, 0 to 255; the host divides it by 255. */
#define TOPWORK_ELEMENT_U8 ((topwork_element)UINT32_C(1))
/* A finite 32-bit float, used as it is. */
#define TOPWORK_ELEMENT_F32 ((topwork_element)UINT32_C(2))

/* What a dataset holds. */
struct topwork_dataset_description {
    /* The bytes of this table the host has room for, set by the host. */
    size_t size;
    /* Channels of every sample. */
    size_t channels;
    /* Rows of every sample, in pixels. */
    size_t height;
    /* Columns of every sample, in pixels. */
    size_t width;
    /* The type of one number of a sample. */
    topwork_element element;
    /* Bits that say what the dataset can do: TOPWORK_READS_IN_PARALLEL. Other bits are 0. */
    uint32_t abilities;
    /* `class_count` names, unique; a label is a position in this list. */
    const topwork_text *classes;
    /* The number of classes, at least 1. */
    size_t class_count;
    /*
     * `split_count` splits with unique names. `train` and `test` are the names that experiments
     * use.
     */
    const topwork_split *splits;
    /* The number of splits, at least 1. */
    size_t split_count;
};

/* One split of a dataset. */
struct topwork_split {
    /* Its name. */
    topwork_text name;
    /* Its number of samples. */
    uint64_t len;
};

/*
 * Ability of a dataset: `labels` and `read` may be called on one instance from several threads at
 * once.
 */
#define TOPWORK_READS_IN_PARALLEL UINT32_C(1)

/* ============================================================================================== */

/*
 * What a dataset knows of its samples besides image and label: what they are called, and which
 * belong together.
 */

/*
 * Id of the ability of a dataset to tell the provenance of its samples: a
 * topwork_dataset_provenance_table.
 */
#define TOPWORK_DATASET_PROVENANCE "topwork.dataset.provenance/1"

/*
 * The functions behind TOPWORK_DATASET_PROVENANCE. Both write one text for every sample of a split,
 * in its order, each followed by a zero byte, or nothing at all where this instance knows none. A
 * text is 1 to 1,024 bytes long.
 */
struct topwork_dataset_provenance_table {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /*
     * Writes what the samples are called, such as the path of an image below its folder. Calls may
     * overlap with others where those of `read` may.
     */
    topwork_status (*names)(
        topwork_instance instance,
        size_t split,
        const topwork_sink *texts,
        const topwork_sink *error);
    /*
     * Writes the group of every sample: samples with the same text, in whatever split, belong
     * together, such as the images of one patient. The host keeps them in one fold. A dataset that
     * draws splits itself keeps them in one split. Calls may overlap with others where those of
     * `read` may.
     */
    topwork_status (*groups)(
        topwork_instance instance,
        size_t split,
        const topwork_sink *texts,
        const topwork_sink *error);
};

/* ============================================================================================== */

/*
 * Samples from single files: what a finished model needs of a dataset to tell images that belong to
 * none.
 */

/*
 * Id of the ability of a dataset to turn single files into samples: a
 * topwork_dataset_decoder_table.
 */
#define TOPWORK_DATASET_DECODER "topwork.dataset.decoder/1"

/*
 * The functions behind TOPWORK_DATASET_DECODER. They work on decoders of their own and not on
 * instances of the dataset, so that no data need exist. A file becomes the numbers that it has as a
 * sample of the dataset, to the bit.
 */
struct topwork_dataset_decoder_table {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /*
     * Makes a decoder, as `create` of the component makes an instance. `parameters` are those of
     * the dataset; the ones that say where the data lies, what of it is taken and how it is split
     * are ignored and may be missing. Opens no file.
     */
    topwork_status (*create)(
        const topwork_host_services *host,
        topwork_text parameters,
        topwork_instance *decoder,
        const topwork_sink *error);
    /*
     * Writes channels, height and width of every sample to `shape`, which has room for these three.
     */
    topwork_status (*shape)(topwork_instance decoder, size_t *shape, const topwork_sink *error);
    /*
     * Turns one file into one sample: `len` finite floats, which is channels × height × width.
     * Where the dataset has bytes, they are divided by 255 in 32 bits. `path` is the path in the
     * system's own bytes (UTF-8 on Windows), `path_len` of them, none of them zero.
     * TOPWORK_STATUS_BAD_DATA says that this file gives no sample, and the error text why, to
     * follow the name of the file: `cannot be decoded: …`, `is empty`. The decoder can be used
     * afterwards. Calls of `decode` may overlap on one decoder.
     */
    topwork_status (*decode)(
        topwork_instance decoder,
        const uint8_t *path,
        size_t path_len,
        float *sample,
        size_t len,
        const topwork_sink *error);
    /* Releases a decoder. No call on it is running or will follow. */
    void (*destroy)(topwork_instance decoder);
};

/* ============================================================================================== */

/*
 * Images at their own size: what a dataset hands out for backbones that want other samples than the
 * ones it makes.
 */

/*
 * Id of the ability of a dataset to hand out images as they are before it scales them: a
 * topwork_dataset_images_table.
 */
#define TOPWORK_DATASET_IMAGES "topwork.dataset.images/1"

/*
 * The functions behind TOPWORK_DATASET_IMAGES. Both write channels (1 or 3), height and width to
 * `shape`, which has room for these three, and the image, channels × height × width bytes, to
 * `pixels`: decoded, the right way up, transparency put on its background, and otherwise as the
 * file has it.
 */
struct topwork_dataset_images_table {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /*
     * The image behind the sample with this index, which is below the split's length. Calls may
     * overlap with others where those of `read` may.
     */
    topwork_status (*read)(
        topwork_instance instance,
        size_t split,
        uint64_t index,
        size_t *shape,
        const topwork_sink *pixels,
        const topwork_sink *error);
    /*
     * The image in a file, by a decoder that topwork_dataset_decoder_table makes; null where the
     * dataset has none of these. Path, errors and overlapping calls are as with its `decode`.
     */
    topwork_status (*decode)(
        topwork_instance decoder,
        const uint8_t *path,
        size_t path_len,
        size_t *shape,
        const topwork_sink *pixels,
        const topwork_sink *error);
};

/* ============================================================================================== */

/*
 * Backbones given as a blueprint: a description of layers that the host builds, trains, freezes and
 * saves.
 */

/* The functions of a blueprint backbone. */
struct topwork_backbone_table {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /*
     * Writes the blueprint to `blueprint` as a JSON document, the same at every call:
     *
     *     { "format": 1,
     *       "input": [1, 28, 28],
     *       "layers": [
     *         {"name": "conv1", "op": "conv2d", "filters": 20, "kernel": [5, 5], "stride": [1, 1], "padding": [0, 0]},
     *         {"name": "relu1", "op": "relu"},
     *         {"name": "pool1", "op": "max-pool2d", "kernel": [2, 2], "stride": [2, 2]},
     *         {"name": "flatten", "op": "flatten"},
     *         {"name": "hidden1", "op": "linear", "units": 500} ],
     *       "cuts": [ {"name": "pool1", "after": "pool1"}, {"name": "features", "after": "flatten"} ] }
     *
     * `input` is the shape of one sample, `[channels, height, width]`, `[tokens, width]` or
     * `[features]`. Each layer takes what the one before it gives, the first one the sample; or it
     * lists in `"inputs"` the names of earlier layers, `"input"` being the sample. Names are
     * unique, and the last layer gives the result. A cut keeps every layer up to and including
     * `after`.
     *
     * The operations with their keys; what has a value behind `=` may be left out, and pairs are
     * down and across:
     *
     *     conv2d             filters, kernel, stride = [1, 1], dilation = [1, 1], groups = 1, bias = true,
     *                        padding = [0, 0]: rows and columns of zeros on both sides,
     *                        or [top, left, bottom, right]
     *     max-pool2d         kernel, stride = kernel, padding = [0, 0], dilation = [1, 1],
     *                        ceil-mode = false
     *     avg-pool2d         kernel, stride = kernel, padding = [0, 0], ceil-mode = false,
     *                        count-include-pad = true
     *     global-avg-pool2d  [channels, h, w] to [channels, 1, 1]
     *     adaptive-avg-pool2d  size; [channels, h, w] to [channels, size[0], size[1]]
     *     pad                padding as of conv2d, mode = "constant" (or "reflect", "replicate"),
     *                        value = 0
     *     resize             size, mode = "nearest" (or "bilinear"); corners are not aligned
     *     batch-norm2d       epsilon = 1e-5, momentum = 0.1, affine = true
     *     batch-norm1d       the same for a flat vector
     *     layer-norm         epsilon = 1e-5: of a vector, of each token, of the channels at each place
     *     group-norm         groups, epsilon = 1e-5, affine = true
     *     instance-norm      epsilon = 1e-5, affine = false
     *     local-response-norm  size, alpha = 1e-4, beta = 0.75, k = 1
     *     scale              initial = 1: a learned factor for each channel or feature
     *     linear             units, bias = true; [features] to [units], of each token alike
     *     flatten            [channels, h, w] to [channels x h x w]
     *     tokens             [channels, h, w] to [h x w, channels]
     *     class-token        registers = 0; [tokens, width] to [1 + registers + tokens, width]. Its
     *                        arrays are NAME.class and NAME.registers
     *     position-embedding  skip = 0: so many tokens at the front have none
     *     select-token       index = 0; [tokens, width] to [width]
     *     mean-tokens        skip = 0; [tokens, width] to [width]
     *     attention          heads, bias = true, position-bias = false; between tokens. Its arrays are
     *                        NAME.qkv.weight, NAME.qkv.bias, NAME.proj.weight, NAME.proj.bias and
     *                        NAME.position_bias
     *     dropout            rate
     *     relu, relu6, gelu, gelu-tanh, tanh, sigmoid, silu, hard-sigmoid, hard-swish
     *     leaky-relu         slope = 0.01
     *     elu                alpha = 1
     *     mish
     *     prelu              per-channel = false, initial = 0.25
     *     softmax            of a vector, of each token, of the channels at each place
     *     add                two inputs or more
     *     concat             two inputs or more, one behind the other: channels, tokens or features
     *     slice              from = 0, to; channels, tokens or features
     *     channel-shuffle    groups
     *     multiply           two inputs; the second may have one number per channel
     *
     * Their arithmetic is PyTorch's.
     *
     * `"weights": {"ignore": ["fc.*"], "rename": [["features.*", "*"]]}` tells how files with
     * weights may look. A layer's weights are called `NAME.weight`, `NAME.bias`,
     * `NAME.running_mean` and `NAME.running_var`, with PyTorch's shapes. A name in a file that is
     * none of these is put through the first pair of `rename` whose first half fits it (`*` stands
     * for anything, and the second half has as many, which take over what those of the first stood
     * for); a name that then is still unknown is an error unless it fits one of `ignore`.
     * `"normalise": {"mean": [0.5], "std": [0.5]}` beside them tells how samples were normalised
     * that published weights have learnt from, one number for each channel; bytes are 0 to 1.
     * Whoever uses a file of weights and normalises otherwise is told. A host that is older than
     * this key refuses it.
     */
    topwork_status (*network)(
        topwork_instance instance,
        const topwork_sink *blueprint,
        const topwork_sink *error);
};

/* ============================================================================================== */

/*
 * Backbones that compute features themselves: a model file, hand-made features, a vendor's library.
 * Opaque and frozen.
 */

/* The functions of an extractor backbone. Since 1.1. */
struct topwork_extractor_table {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /*
     * Writes what the extractor takes and gives to `description` as a JSON document, the same at
     * every call:
     *
     *     { "format": 1,
     *       "input": [3, 224, 224],
     *       "cuts": [ {"name": "block7", "shape": [80, 14, 14], "op": "Conv"}, {"name": "gap", "shape": [1280]} ],
     *       "normalise": {"mean": [0.498, 0.498, 0.498], "std": [0.502, 0.502, 0.502]},
     *       "parallel": true,
     *       "digest": "5f70bf18a086007016e948b04aed3b82103a36be",
     *       "runtime": "onnxruntime 1.32.0" }
     *
     * `input` is the shape of one sample, `[channels, height, width]` or `[features]`. `cuts` are
     * the places where features can be taken, at least one, unique names, from the input on;
     * `shape` is that of one sample's features, `[channels, height, width]` or `[features]`. `op`
     * may be left out; it names what computes the features, for people and for cut rules.
     *
     * A shape of three has its channels first. Where that is not so, or where the features have a
     * form that `shape` cannot say, a cut may have `dims`, the sizes of one sample's features in
     * their order, with the product of `shape`; and `channels`, the position of the size among them
     * that counts channels: `{"name": "norm", "shape": [37824], "dims": [197, 192], "channels": 1}`
     * are 197 tokens. The host pools over all sizes but that one, and not at all where `channels`
     * is left out. `"block": true` says that a cut is the end of a block of a residual network, for
     * cut rules.
     *
     * `normalise` may be left out: then any samples will do. An object says the mean and the
     * standard deviation that the dataset must be normalised with, one of each per channel; the
     * string `"stated"` says that the plugin cannot know them, and that the experiment must state
     * some. `parallel`, false when left out, says that `forward` calls may overlap. `digest` may be
     * left out. It names the files that decide the features, such as the SHA-256 of a model file:
     * results and cached features of another digest are not taken for this one's. `runtime` may be
     * left out: it names what computes the features, with its version, for people. `batch` may be
     * left out: it is how many samples are computed at once, however many come in a call (the
     * plugin fills the batch up): the host then asks about whole batches where it can.
     */
    topwork_status (*describe)(
        topwork_instance instance,
        const topwork_sink *description,
        const topwork_sink *error);
    /*
     * Computes the features of `count` samples, at least 1, at the cut with position `cut` in
     * `cuts`. `samples` holds `count` × the numbers of `input`, one sample after the other;
     * `features` has room for `count` × the numbers of the cut's shape, holding some valid number
     * already, and gets finite numbers. A sample's features depend on this sample alone, and the
     * same sample gives the same bits every time.
     */
    topwork_status (*forward)(
        topwork_instance instance,
        size_t cut,
        const float *samples,
        size_t count,
        float *features,
        const topwork_sink *error);
};

/* ============================================================================================== */

/* The ability of an extractor to be a network of topwork. */

/*
 * Id of the ability of an extractor to be a network that topwork builds, with weights of its own: a
 * topwork_extractor_network_table. Since 1.2.
 */
#define TOPWORK_EXTRACTOR_NETWORK "topwork.extractor.network/1"

/* The functions behind TOPWORK_EXTRACTOR_NETWORK. Since 1.2. */
struct topwork_extractor_network_table {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /*
     * Writes the network: its weights to `weights`, a safetensors file with every array of the
     * blueprint under the name it has there, and to `description` a JSON document:
     *
     *     { "format": 1, "blueprint": { "format": 1, "input": [1, 8, 8], "layers": [], "cuts": [] },
     *       "normalise": "stated", "digest": "file a1b2" }
     *
     * `blueprint` is what a topwork_backbone_table gives. `normalise` and `digest` mean what they
     * mean in the description of an extractor. A host that takes the network builds it, trains it,
     * and asks the instance for no features; it may ask for the network without asking for the
     * description before.
     *
     * An instance that is no such network answers TOPWORK_STATUS_UNSUPPORTED, and says to `error`
     * what keeps it from being one; then it is an extractor as any other.
     */
    topwork_status (*network)(
        topwork_instance instance,
        const topwork_sink *description,
        const topwork_sink *weights,
        const topwork_sink *error);
};

/* ============================================================================================== */

/* What an extractor computes, given as a model file in the ONNX format. */

/*
 * Id of the ability of an extractor to give what it computes as a file in the ONNX format: a
 * topwork_extractor_onnx_table. Since 1.2.
 */
#define TOPWORK_EXTRACTOR_ONNX "topwork.extractor.onnx/1"

/* The functions behind TOPWORK_EXTRACTOR_ONNX. Since 1.2. */
struct topwork_extractor_onnx_table {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /*
     * Writes a model that computes the features at the cut with position `cut` from normalised
     * samples: its file to `model`, with all of its weights within, and to `description` a JSON
     * document:
     *
     *     { "format": 1, "input": "image", "layout": "nchw", "output": "gap", "batch": 1 }
     *
     * `input` and `output` are names of tensors in the file. `input` takes samples as `forward`
     * does, each `[channels, height, width]` for the layout `"nchw"` and `[height, width,
     * channels]` for `"nhwc"`, the number of samples before that; `output` holds the features in
     * their order, the number of samples before them. `batch` is how many samples the model takes
     * at once, and is left out where it takes any number. The file need have nothing that `output`
     * does not need.
     *
     * An instance that has no such file answers TOPWORK_STATUS_UNSUPPORTED.
     */
    topwork_status (*model)(
        topwork_instance instance,
        size_t cut,
        const topwork_sink *description,
        const topwork_sink *model,
        const topwork_sink *error);
};

/* ============================================================================================== */

/* Cut rules: where to cut a backbone that they have never seen. */

/* The functions of a cut rule. Since 1.1. */
struct topwork_cut_rule_table {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /*
     * Chooses where to cut. `backbone` is a JSON document that describes one:
     *
     *     { "format": 1,
     *       "input": [1, 28, 28],
     *       "places": [
     *         {"name": "conv1", "op": "conv2d", "shape": [20, 24, 24]},
     *         {"name": "pool1", "op": "max-pool2d", "shape": [20, 12, 12], "cut": "block1"} ] }
     *
     * `places` are the layers of a blueprint, or the cut points of an extractor (whose `op` is
     * `"extractor"`), from the input on; `cut` is there where the backbone itself has a cut point,
     * and is the name it gives it.
     *
     * What is written to `cuts` is a JSON document as well, with at least one cut, unique names, in
     * the order of the table:
     *
     *     { "cuts": [ {"name": "block1", "after": "pool1", "pool": "gap"} ] }
     *
     * `after` is the name of a place; everything up to it is kept. `pool` may be left out: `"gap"`
     * (the mean of each channel), `"gmp"` (its maximum), `"flatten"` or `"pyramid"` (maxima over 1
     * × 1, 2 × 2 and 4 × 4 cells).
     */
    topwork_status (*cuts)(
        topwork_instance instance,
        topwork_text backbone,
        const topwork_sink *cuts,
        const topwork_sink *error);
};

/* ============================================================================================== */

/* Network heads: layers that the host puts on top of the features and trains by gradient. */

/* The functions of a network head. */
struct topwork_network_head_table {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /*
     * Writes the head's layers to `blueprint`, a JSON document as in topwork_backbone_table without
     * `cuts`. Its `input` is the feature shape: `rank` numbers at `feature_shape`, `[channels,
     * height, width]`, `[tokens, width]` or `[features]`. The last layer gives one logit for each
     * of the `classes`.
     */
    topwork_status (*network)(
        topwork_instance instance,
        const size_t *feature_shape,
        size_t rank,
        size_t classes,
        const topwork_sink *blueprint,
        const topwork_sink *error);
};

/* ============================================================================================== */

/* Classifier heads: fitted once to features, without gradients through the backbone. */

/* The functions of a classifier head. */
struct topwork_classifier_table {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /*
     * Fits the instance to `features` with one label for each sample, each below `classes`; an
     * earlier fit is forgotten. The same input, `seed` included, gives the same result to the bit,
     * whatever the number of threads. Fills `*report`, whose `size` the host has set. What is
     * written to `note` is one line for people, shown with the result; nothing when there is
     * nothing to say. Of a fit that did not converge it says why not and how far off it is, and is
     * a warning, too. A long fit asks the host now and then whether to stop, and reports its
     * progress.
     */
    topwork_status (*fit)(
        topwork_instance instance,
        const topwork_features *features,
        const uint32_t *labels,
        size_t classes,
        const topwork_fit_options *options,
        topwork_fit_report *report,
        const topwork_sink *note,
        const topwork_sink *error);
    /*
     * Writes samples × `classes` finite scores to `scores`, sample by sample; a greater score is a
     * likelier class. `classes` is the number that the fit (or the loaded state) had. Calls may
     * overlap with other `predict` calls on one instance.
     */
    topwork_status (*predict)(
        topwork_instance instance,
        const topwork_features *features,
        size_t classes,
        float *scores,
        const topwork_sink *error);
};

/* Features of several samples: a row-major matrix, `samples` × `dimensions`. */
struct topwork_features {
    /* The first number. */
    const float *data;
    /* The number of rows. */
    size_t samples;
    /* The number of columns. */
    size_t dimensions;
};

/* What the host wishes for a fit. */
struct topwork_fit_options {
    /* The bytes of this table that the host filled. */
    size_t size;
    /* The seed of everything random in the fit. */
    uint64_t seed;
    /* How many threads the fit may keep busy, at least 1. */
    size_t threads;
};

/* What a fit came to. */
struct topwork_fit_report {
    /* The bytes of this table the host has room for, set by the host. */
    size_t size;
    /* The number of iterations made. */
    uint64_t iterations;
    /* The number of parameters fitted. */
    uint64_t parameters;
    /*
     * 1 when the method met its own criterion of convergence, 0 when it ended for another reason.
     */
    uint32_t converged;
    /* 0. It leaves no padding, in which a later field would seem to be there. */
    uint32_t reserved;
};

/*
 * Id of the ability to save a fitted classifier and to load it again: a
 * topwork_classifier_save_table.
 */
#define TOPWORK_CLASSIFIER_SAVE "topwork.classifier.save/1"

/* The functions behind TOPWORK_CLASSIFIER_SAVE. */
struct topwork_classifier_save_table {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /*
     * Writes the state of a fitted instance to `state`, in a form of the plugin's own that says its
     * version.
     */
    topwork_status (*save)(
        topwork_instance instance,
        const topwork_sink *state,
        const topwork_sink *error);
    /*
     * Puts an instance into a state that `save` wrote, `len` bytes at `data`. Bytes it cannot read
     * are TOPWORK_STATUS_BAD_DATA.
     */
    topwork_status (*load)(
        topwork_instance instance,
        const uint8_t *data,
        size_t len,
        const topwork_sink *error);
};

/*
 * What the scores of a classifier are. Whatever they are, a greater score is a likelier class. A
 * host refuses numbers that it does not know. Since 1.2.
 */
typedef uint32_t topwork_scores;
/* They rank the classes and promise no more, as without the ability. */
#define TOPWORK_SCORES_RANKING ((topwork_scores)UINT32_C(0))
/*
 * Probabilities: none is below 0, and those of a sample add up to 1 within 0.001. A class without
 * training samples has 0. The host checks each sample.
 */
#define TOPWORK_SCORES_PROBABILITIES ((topwork_scores)UINT32_C(1))
/*
 * Logits: their softmax, exp(s) / Σ exp(s) over the classes of a sample, gives the probabilities.
 * They need not be centred; a class without training samples has one far below the others, such as
 * the lowest finite number.
 */
#define TOPWORK_SCORES_LOGITS ((topwork_scores)UINT32_C(2))
/* No scores but predicted numbers, after a fit to numbers: see TOPWORK_CLASSIFIER_NUMBERS. */
#define TOPWORK_SCORES_NUMBERS ((topwork_scores)UINT32_C(3))

/*
 * Id of the ability to say what the scores of a fitted classifier are: a
 * topwork_classifier_scores_table. Since 1.2.
 */
#define TOPWORK_CLASSIFIER_SCORES "topwork.classifier.scores/1"

/* The functions behind TOPWORK_CLASSIFIER_SCORES. Since 1.2. */
struct topwork_classifier_scores_table {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /*
     * Sets `*scores` to what `predict` of this instance writes. The host asks after every fit and
     * every state loaded, and the answer holds until the next of them: it may depend on parameters
     * and on what the fit has found.
     */
    topwork_status (*scores)(
        topwork_instance instance,
        topwork_scores *scores,
        const topwork_sink *error);
};

/*
 * Id of the ability to tell what a fit has found, fact by fact: a topwork_classifier_facts_table.
 * Since 1.2.
 */
#define TOPWORK_CLASSIFIER_FACTS "topwork.classifier.facts/1"

/* The functions behind TOPWORK_CLASSIFIER_FACTS. Since 1.2. */
struct topwork_classifier_facts_table {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /*
     * Writes a JSON object with what the latest fit has found to `facts`, such as
     * `{"support-vectors": 213, "kernel": "rbf"}`: 32 entries at most, names of lower-case letters,
     * digits and hyphens, and for each a finite number or a text of one line. They are shown with
     * the result and kept in its JSON. The host asks after every fit.
     */
    topwork_status (*facts)(
        topwork_instance instance,
        const topwork_sink *facts,
        const topwork_sink *error);
};

/*
 * Id of the ability to fit one set of features for several values of one parameter at once: a
 * topwork_classifier_path_table. Since 1.2.
 */
#define TOPWORK_CLASSIFIER_PATH "topwork.classifier.path/1"

/* What stands behind TOPWORK_CLASSIFIER_PATH. Since 1.2. */
struct topwork_classifier_path_table {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /* `parameter_count` names of parameters of the component, each of which a path may vary. */
    const topwork_text *parameters;
    /* How many names there are, at least 1. */
    size_t parameter_count;
    /*
     * Fits `count` instances of this component to the same features, as `fit` of
     * topwork_classifier_table would fit each of them alone: closed forms to rounding, searches to
     * their own tolerance. The host has created them with the same parameters but for `parameter`,
     * one of those above; their order means nothing. No instance is there twice, and no other call
     * on any of them is running. What is known of one value may serve the next: a decomposition, a
     * place to start from. `reports` and `notes` have a report and a sink for each instance, to be
     * filled as by `fit`. Whatever the status, each instance is destroyed by itself; after any but
     * TOPWORK_STATUS_OK none of them is used before it is fitted again.
     */
    topwork_status (*fit)(
        const topwork_instance *instances,
        size_t count,
        topwork_text parameter,
        const topwork_features *features,
        const uint32_t *labels,
        size_t classes,
        const topwork_fit_options *options,
        topwork_fit_report *const *reports,
        const topwork_sink *notes,
        const topwork_sink *error);
};

/* ============================================================================================== */

/*
 * What a fitted classifier does from features to scores, said as layers: a host can write it into a
 * model file.
 */

/*
 * Id of the ability of a fitted classifier to say what it does as layers: a
 * topwork_classifier_layers_table. Since 1.2.
 */
#define TOPWORK_CLASSIFIER_LAYERS "topwork.classifier.layers/1"

/* The functions behind TOPWORK_CLASSIFIER_LAYERS. Since 1.2. */
struct topwork_classifier_layers_table {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /*
     * Writes what `predict` of a fitted instance does to `layers`, as a file in the safetensors
     * format. Its metadata has, under the key `layers`, a JSON document as text:
     *
     *     { "format": 1,
     *       "features": 800,
     *       "layers": [ {"op": "scale"}, {"op": "linear"}, {"op": "softmax"} ] }
     *
     * Every layer takes the row of numbers that the one before it gives, the first one the
     * features, and the last one gives one score for each class. The arrays of the layer counted n
     * from 0 are called `n.` and what stands below, such as `1.weight`; they are `F32`, finite, and
     * row-major unless something else is said. `d` is how many numbers the layer gets.
     *
     * - `scale`: `(x − shift) · factor`, number by number. `shift` and `factor`, each `[d]`.
     * - `unit-length`: x divided by its Euclidean length; zeros stay.
     * - `linear`: `W x + b`. `weight`, `[outputs, d]`, and `bias`, `[outputs]`.
     * - `distances`: for each stored row r `−½ Σ p (x − r)² + b`. `rows`, `[n, d]`, and `bias`,
     *   `[n]`; with `"precision": true` p is `precision`, `[n, d]`, none below 0, otherwise 1.
     *   `"metric"` is `"euclidean"` or `"cosine"`. By the cosine, a `unit-length` stands right
     *   before it, rows have a length of 1 or are 0, there is no `precision`, and where x or r is 0
     *   it is `−1 + b`.
     * - `neighbours`: the share of each class in the vote of the `"k"` stored rows nearest to x, of
     *   all where there are fewer; of equally near ones the earlier. `rows`, `[n, d]`, and
     *   `labels`, `[n]`, `U32`, each below `"classes"`. `"metric"` as above: the distance is `‖x −
     *   r‖`, by the cosine `½ ‖x − r‖²`, and 1 where x or r is 0. `"weights"` is `"uniform"`,
     *   `"distance"`: votes count 1 / distance, and where some rows are at distance 0, they alone
     *   count, or `"exponential"`: votes count exp(−distance / t) with t the `"temperature"`, above
     *   0.
     * - `trees`: the mean over trees of the leaf that x falls into. `roots`, `[trees]`; `feature`,
     *   `threshold` and `child`, each `[nodes]`; `leaves`, `[leaves, outputs]`; `U32` but for
     *   `threshold` and `leaves`. From a node with a `child` other than 0 the way goes on to that
     *   child, and where the number `feature` of x is greater than `threshold` to the node after
     *   it; children stand behind their parent. A node whose `child` is 0 is a leaf, and its
     *   `feature` is its row in `leaves`.
     * - `softmax`: `exp(x) / Σ exp(x)`.
     * - `log-softmax`: `x − ln Σ exp(x)`.
     *
     * The scores are those of `predict`, up to what single precision rounds. A class without
     * training samples has the score that `predict` gives it. An instance that cannot say what it
     * does in these words answers TOPWORK_STATUS_UNSUPPORTED.
     */
    topwork_status (*layers)(
        topwork_instance instance,
        const topwork_sink *layers,
        const topwork_sink *error);
};

/* ============================================================================================== */

/*
 * Numbers and several labels as targets: datasets whose samples have these in place of classes, and
 * heads that are fitted to numbers.
 */

/*
 * Id of the ability of a dataset to have numbers as targets: a topwork_dataset_numbers_table. Since
 * 1.2.
 */
#define TOPWORK_DATASET_NUMBERS "topwork.dataset.numbers/1"

/*
 * Id of the ability of a dataset to have several labels for each sample, or none: a
 * topwork_dataset_numbers_table with a column for each label, whose numbers are 1 where the sample
 * has the label and else 0. An instance has these or numbers, not both. Since 1.2.
 */
#define TOPWORK_DATASET_MULTILABEL "topwork.dataset.multilabel/1"

/*
 * The functions behind TOPWORK_DATASET_NUMBERS and TOPWORK_DATASET_MULTILABEL. Since 1.2.
 *
 * A dataset with numbers has a column for each number of a sample. The names of the columns stand
 * where those of classes would, in `classes` of its description, and every label is 0: a host that
 * does not know the ability sees a dataset of one class.
 */
struct topwork_dataset_numbers_table {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /*
     * Sets `*columns` to how many numbers each sample has: as many as the description has
     * `classes`, or 0 where this instance has classes. Never changes during the life of the
     * instance.
     */
    topwork_status (*columns)(
        topwork_instance instance,
        size_t *columns,
        const topwork_sink *error);
    /*
     * Writes the numbers of a split, sample by sample in its order, to `numbers`, which has room
     * for `capacity` of them (the split's length × columns), and sets `*count` to how many there
     * are. All are finite. Only called where there are columns; may overlap with other calls where
     * those of `labels` may.
     */
    topwork_status (*numbers)(
        topwork_instance instance,
        size_t split,
        float *numbers,
        size_t capacity,
        size_t *count,
        const topwork_sink *error);
};

/*
 * Id of the ability of a classifier head to be fitted to numbers: a
 * topwork_classifier_numbers_table. It needs TOPWORK_CLASSIFIER_SCORES, too. Since 1.2.
 */
#define TOPWORK_CLASSIFIER_NUMBERS "topwork.classifier.numbers/1"

/* The functions behind TOPWORK_CLASSIFIER_NUMBERS. Since 1.2. */
struct topwork_classifier_numbers_table {
    /* The bytes of this table that the plugin filled. */
    size_t size;
    /*
     * As `fit` of topwork_classifier_table, with samples × `columns` finite numbers, sample by
     * sample, in place of labels. After it, and after a state of such a fit is loaded, `predict`
     * writes as many numbers for each sample, with `columns` in place of the number of classes, in
     * the unit of those it has learnt from, and the scores are said to be TOPWORK_SCORES_NUMBERS.
     */
    topwork_status (*fit)(
        topwork_instance instance,
        const topwork_features *features,
        const float *numbers,
        size_t columns,
        const topwork_fit_options *options,
        topwork_fit_report *report,
        const topwork_sink *note,
        const topwork_sink *error);
};

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
