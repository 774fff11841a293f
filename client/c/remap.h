/* remap.h: the C interface of remapd's trainer side (libremap.so).
 *
 * What it is for: to map categorical ids to embedding rows with the mapping versions that remapd
 * publishes, to swap versions when the trainer says so, and to move embedding rows and optimiser
 * state along. The C++ interface behind it: client/cpp/client.h.
 *
 * ABI: functions carry the symbol version REMAP_1; a function once published keeps its meaning.
 * Structures that start with `struct_size` may grow at their end: set it to sizeof of the structure
 * you compiled against, and the library reads or writes no further than that. REMAP_ABI_VERSION is
 * what this header describes, remap_abi_version() what the library offers: it must be no lower.
 *
 * Errors: functions return a remap_status. On anything but REMAP_OK nothing is changed and no
 * handle is written; remap_last_error() tells in words what happened, for the calling thread, until
 * its next failing call. No exception leaves the library; a handle of NULL is an error, not a
 * crash, except that closing NULL does nothing.
 *
 * Threads: every handle may be used from any number of threads at once, except remap_reader (one
 * thread at a time). Close a handle when no call on it is under way. Readers, mappings and
 * migrations stay usable after their client is closed.
 */
#ifndef REMAP_H_
#define REMAP_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REMAP_ABI_VERSION 1u

typedef enum remap_status {
  REMAP_OK = 0,
  REMAP_INVALID_ARGUMENT = 1, /* can never work; the message says which argument */
  REMAP_CONFIG = 2,           /* a setting must be changed; the message names it */
  REMAP_CORRUPT = 3,          /* bytes that fail their checksum or break their format */
  REMAP_UNSUPPORTED = 4,      /* a newer format than this library knows */
  REMAP_NOT_FOUND = 5,
  REMAP_CONFLICT = 6,
  REMAP_IO = 7,
  REMAP_UNAVAILABLE = 8, /* network or broker; usually worth trying again */
  REMAP_RESOURCE = 9,    /* out of memory, or a bound reached */
  REMAP_CANCELLED = 10,
  REMAP_INTERNAL = 11 /* a defect of this library */
} remap_status;

uint32_t remap_abi_version(void);
/* Of the calling thread; never NULL, empty if no call failed yet. */
const char* remap_last_error(void);
/* 1 if trying the failed call again may help. */
int remap_last_error_retryable(void);

/* ---- Ids: which 64 bits an id is --------------------------------------------------------------
 *
 * The same rule everywhere (docs/formats.md, "Ids"): an integer of -2^63 .. 2^64 - 1 is its 64
 * bits, written as a number or as decimal text; any other text is XXH3-64 of its UTF-8 bytes,
 * without the blanks around it. "B00X" is 0x37eb6ef331033402, "-1" is UINT64_MAX, " 007 " is 7. */

/* The id of a text of `length` bytes. INVALID_ARGUMENT for one of nothing but blanks: it is no id.
 */
remap_status remap_id_of_text(const char* text, size_t length, uint64_t* id);
/* The same of many: text i is bytes[ends[i - 1]] .. bytes[ends[i] - 1], the first from bytes[0].
 * The message names the first that is no id; ids before it are written. */
remap_status remap_ids_of_texts(const char* bytes, const uint64_t* ends, size_t count,
                                uint64_t* ids);
/* Of an array whose items have `width` bytes of UTF-8, or `width` code points, and are filled up
 * with zeros, as numpy has them. */
remap_status remap_ids_of_utf8_items(const char* items, size_t width, size_t count, uint64_t* ids);
remap_status remap_ids_of_utf32_items(const uint32_t* items, size_t width, size_t count,
                                      uint64_t* ids);

/* ---- Mappings: one immutable version ----------------------------------------------------------
 */

typedef struct remap_mapping remap_mapping;

typedef struct remap_mapping_info {
  size_t struct_size;
  uint64_t version; /* 0: no version yet, every id is hashed over all rows */
  uint64_t parent;  /* 0: none */
  uint64_t epoch;
  uint64_t ids;            /* known ids */
  uint64_t content_hash;   /* docs/formats.md */
  int64_t built_ms;        /* Unix milliseconds */
  uint32_t rows;           /* row budget; every row looked up is below it */
  uint32_t dedicated_rows; /* rows below it hold at most one known id each */
  uint32_t ways;           /* 2: double hashing, see remap_mapping_lookup_second_i64 */
  char table[256];         /* longer names are cut */
} remap_mapping_info;

typedef enum remap_role {
  REMAP_ROLE_DEDICATED = 0, /* a known id with a row of its own */
  REMAP_ROLE_SHARED = 1,    /* a known id in a shared row */
  REMAP_ROLE_FALLBACK = 2   /* an id the mapping does not know */
} remap_role;

/* A mapping artifact file (mapping.remap), memory mapped and checked whole. The file may be
 * removed while it is open, not changed. NOT_FOUND, IO, CORRUPT, UNSUPPORTED. */
remap_status remap_mapping_open(const char* path, remap_mapping** out);
void remap_mapping_close(remap_mapping* mapping);
remap_status remap_mapping_get_info(const remap_mapping* mapping, remap_mapping_info* info);

/* rows[i] becomes the row of ids[i], i < count. Ids the mapping does not know get their fallback
 * row. The arrays must not overlap. Wait-free. */
remap_status remap_mapping_lookup_u32(const remap_mapping* mapping, const uint64_t* ids,
                                      size_t count, uint32_t* rows);
remap_status remap_mapping_lookup_i64(const remap_mapping* mapping, const uint64_t* ids,
                                      size_t count, int64_t* rows);
/* Under double hashing (info.ways == 2) the second row of each id, -1 where it has only one. */
remap_status remap_mapping_lookup_second_i64(const remap_mapping* mapping, const uint64_t* ids,
                                             size_t count, int64_t* rows);
/* roles[i] becomes the remap_role of ids[i]. A new id passes for a known one with p < 3e-7, or,
 * where the table is published as compact artifacts, 1/4096. */
remap_status remap_mapping_roles(const remap_mapping* mapping, const uint64_t* ids, size_t count,
                                 uint8_t* roles);

/* ---- Migrations: what a swap asks of the trainer ----------------------------------------------
 */

typedef struct remap_migration remap_migration;

typedef struct remap_migration_info {
  size_t struct_size;
  uint64_t from; /* version that was served */
  uint64_t to;
  uint64_t rows; /* rows a matrix must have to be migrated; 0: nothing to do */
  size_t plans;  /* plans to be applied one after another */
  int complete;  /* 0: a plan is missing, applying is refused */
} remap_migration_info;

/* One plan as arrays, valid as long as the migration: changed row changed[i] becomes the sum of
 * weights[j] * old row sources[j], j in [source_begin[i], source_begin[i + 1]). Its optimiser state
 * becomes the same mixture where state[i] == 0 and is reset where it is 1. The rows `restarted`
 * become the sum of restart_weights[j] * old row restart_sources[j] (zero without sources), state
 * reset. All is read from the matrix as it was before the plan. */
typedef struct remap_plan {
  size_t struct_size;
  uint64_t from;
  uint64_t to;
  uint32_t from_rows;
  uint32_t to_rows;
  size_t changed_count;
  const uint32_t* changed;
  const uint32_t* source_begin; /* changed_count + 1 */
  size_t source_count;
  const uint32_t* sources;
  const float* weights;
  const uint8_t* state;
  size_t restarted_count;
  const uint32_t* restarted;
  size_t restart_source_count;
  const uint32_t* restart_sources;
  const float* restart_weights;
} remap_plan;

/* A migration plan file (plan.remap). */
remap_status remap_migration_open(const char* path, remap_migration** out);
void remap_migration_close(remap_migration* migration);
remap_status remap_migration_get_info(const remap_migration* migration, remap_migration_info* info);
/* What is missing, in words; empty when complete. Valid as long as the migration. */
const char* remap_migration_missing(const remap_migration* migration);
remap_status remap_migration_get_plan(const remap_migration* migration, size_t index,
                                      remap_plan* plan);
/* A row-major matrix of info.rows rows of `columns` floats, in place; `size` is the number of
 * floats. Not safe against others that use the matrix meanwhile. */
remap_status remap_migration_apply_f32(const remap_migration* migration, float* matrix, size_t size,
                                       size_t columns);
/* Optimiser state of the same shape (`columns` = 1: one value per row); reset rows get `initial`.
 */
remap_status remap_migration_apply_state_f32(const remap_migration* migration, float* state,
                                             size_t size, size_t columns, float initial);

/* ---- Clients: follow a table's versions -------------------------------------------------------
 */

typedef struct remap_client remap_client;

typedef struct remap_client_options {
  size_t struct_size;
  const char* table;
  uint32_t rows;       /* row budget, as in the daemon's configuration; see remap_client_poll */
  uint32_t max_staged; /* versions held beside the one served; 0: 16 */
  uint64_t seed;       /* [learning] seed of the daemon; 0: 1 */
  uint32_t map_files;  /* 1: versions of a directory stay in the mapped files, whose pages processes
                          share; 0: copied into huge pages of this process, for faster lookups */
} remap_client_options;

typedef struct remap_http_options {
  size_t struct_size;
  const char* token_file; /* holds the token of [admin] token_file; NULL: none is sent */
  const char* ca_file;    /* PEM: who may have signed the certificate; NULL: the system's list */
} remap_http_options;

typedef struct remap_staged_version {
  uint64_t version;
  uint64_t built_samples; /* samples remapd had seen when it built the version */
  uint64_t ids;
  int64_t built_ms;
  int32_t swappable;  /* its mapping is in memory, verified */
  int32_t migratable; /* the plans from the version served to this one are complete, or the rows
                         have learned nothing: no id has been looked up before the first version */
} remap_staged_version;

typedef struct remap_client_stats {
  size_t struct_size;
  uint64_t manifests, stale, staged, from_deltas, rejected, plans, plans_missing, bytes, retries,
      poll_errors, swaps;
  uint64_t served;        /* version; 0: none yet */
  uint64_t newest_staged; /* version; 0: none */
  uint64_t staged_now;
  uint64_t waiting_to_be_freed;
  uint64_t readers;
  uint64_t problems;      /* told so far */
  char last_problem[512]; /* in words; empty: none yet */
} remap_client_stats;

/* A mapping directory ([sink.directory] path). It need not exist yet. */
remap_status remap_client_open_directory(const char* directory, const remap_client_options* options,
                                         remap_client** out);
/* A mapping topic ([sink.kafka]). `properties`: `property_count` pairs of librdkafka property
 * names and values, one after another; may be NULL. The brokers need not be up. */
remap_status remap_client_open_kafka(const char* brokers, const char* topic,
                                     const char* const* properties, size_t property_count,
                                     const remap_client_options* options, remap_client** out);
/* The admin HTTP server of a running daemon: "http://127.0.0.1:9643", "https://host:9643" or
 * "unix:/run/remapd/admin.sock". `http` may be NULL. The daemon need not be up; versions that it
 * does not keep any more ([admin] keep_versions) are passed over. */
remap_status remap_client_open_http(const char* url, const remap_http_options* http,
                                    const remap_client_options* options, remap_client** out);
void remap_client_close(remap_client* client);

/* Stages what has appeared, waiting at most `timeout_ms` for it; *newly (may be NULL) becomes the
 * number of versions that became swappable. The first poll of a client waits until what has been
 * published already is taken in (at most a minute; 5 s if it cannot be reached), so that a trainer
 * begins with the newest version. Damaged versions are passed over, see remap_client_last_problem.
 * INVALID_ARGUMENT, with both values, as long as there are only versions of another row budget or
 * seed than the client was told. */
remap_status remap_client_poll(remap_client* client, int64_t timeout_ms, size_t* newly);
/* Polls in a thread of the library's own until stop or close. */
remap_status remap_client_start(remap_client* client);
remap_status remap_client_stop(remap_client* client);

/* The versions newer than the one served, oldest first: at most `capacity` are written, *count
 * becomes how many there are. `staged` may be NULL with capacity 0. */
remap_status remap_client_staged(const remap_client* client, remap_staged_version* staged,
                                 size_t capacity, size_t* count);
/* The version served; 0: none yet. */
remap_status remap_client_served(const remap_client* client, uint64_t* version);

/* What went wrong last, in words, cut to `size` bytes with the NUL (`text` may be NULL with size
 * 0); *number becomes how many problems have been told so far: it tells whether there is a new one.
 * Among them: the table or directory is not there (what is, is named), a version was passed over,
 * no plan leads to the versions that are there. */
remap_status remap_client_last_problem(const remap_client* client, uint64_t* number, char* text,
                                       size_t size);
/* OK, or the error that the last poll ended with, a poll of the client's own thread included. */
remap_status remap_client_check(const remap_client* client);
/* For ranks that agree on a version among themselves: *version becomes the newest that can be
 * swapped to with its plans, no newer than at_most and built from no more than up_to_samples
 * samples (UINT64_MAX: any), or 0; *served (may be NULL) the version served. The version stays
 * staged until the next offer or swap. */
remap_status remap_client_offer(remap_client* client, uint64_t at_most, uint64_t up_to_samples,
                                uint64_t* served, uint64_t* version);

/* Swaps, to the oldest swappable version or to the one named (crossing those before it). *out gets
 * the migration, which must be applied before the next step and then closed. Where plans are
 * missing the swap is refused (NOT_FOUND) unless allow_unmigrated is not 0, or the rows have
 * learned nothing: no id has been looked up before the first version. */
remap_status remap_client_swap_next(remap_client* client, int allow_unmigrated,
                                    remap_migration** out);
remap_status remap_client_swap_to(remap_client* client, uint64_t version, int allow_unmigrated,
                                  remap_migration** out);
/* The mapping served now, which stays as it is when the client swaps; close it. */
remap_status remap_client_current(const remap_client* client, remap_mapping** out);
remap_status remap_client_get_stats(const remap_client* client, remap_client_stats* stats);

/* A thread's handle for lookups in whatever the client serves; make it once and keep it. */
typedef struct remap_reader remap_reader;
remap_status remap_client_reader(remap_client* client, remap_reader** out);
void remap_reader_close(remap_reader* reader);
/* The whole batch is answered by one version; *version (may be NULL) becomes which. Wait-free. */
remap_status remap_reader_lookup_u32(remap_reader* reader, const uint64_t* ids, size_t count,
                                     uint32_t* rows, uint64_t* version);
remap_status remap_reader_lookup_i64(remap_reader* reader, const uint64_t* ids, size_t count,
                                     int64_t* rows, uint64_t* version);
/* Several features at once, as they lie one after another in a KeyedJaggedTensor's values: the
 * counts[f] ids of feature f are looked up by readers[f]; where that is NULL they become the rows
 * as they are. One reader may stand for several features; each feature is answered by one version.
 */
remap_status remap_readers_lookup_i64(remap_reader* const* readers, const size_t* counts,
                                      size_t features, const uint64_t* ids, int64_t* rows);

/* ---- Producer: access events to remapd --------------------------------------------------------
 */

typedef struct remap_producer remap_producer;

typedef struct remap_producer_options {
  size_t struct_size;
  const char* const* features; /* names of the columns, in the order they are sent */
  size_t feature_count;
  const char* name;        /* AccessBatch.producer; NULL: "trainer" */
  size_t max_queued_bytes; /* of batches not delivered yet; beyond it batches are dropped, or
                              remap_producer_send waits; 0: 64 MiB */
} remap_producer_options;

/* One column of a batch: `lengths` has one count per sample (NULL: one id each). Of TorchRec's
 * KeyedJaggedTensors with a batch size for each feature send one batch for each size. */
typedef struct remap_column {
  const uint32_t* lengths;
  size_t length_count; /* the batch's `samples`; 0 without lengths */
  const uint64_t* values;
  size_t value_count;
} remap_column;

typedef struct remap_batch {
  size_t struct_size;
  const remap_column* columns; /* one for each feature, in the producer's order */
  size_t column_count;
  size_t samples;
  const float* labels;   /* 0 .. 1, NaN for none; one per sample, or NULL */
  const float* weights;  /* how much a sample matters, >= 0; one per sample, or NULL: 1 */
  int64_t event_time_ms; /* Unix milliseconds of the newest sample; 0: unknown */
} remap_batch;

typedef struct remap_producer_stats {
  size_t struct_size;
  uint64_t batches;   /* accepted */
  uint64_t dropped;   /* batches refused because the queue was full */
  uint64_t delivered; /* batches acknowledged by the brokers */
  uint64_t failed;    /* batches that will not be delivered: too large, not taken by the topic */
  uint64_t queued_bytes;
  uint64_t sent_again; /* batches that may have arrived twice */
  uint64_t renewals;   /* of the connection, after a fatal error of librdkafka */
  char last_problem[512];
} remap_producer_stats;

/* Needs the brokers and the topic to be there, waiting 10 s for them. */
remap_status remap_producer_open_kafka(const char* brokers, const char* topic,
                                       const char* const* properties, size_t property_count,
                                       const remap_producer_options* options, remap_producer** out);
/* Sends what is queued, for at most 10 s; what is left then is lost. To be told of that, flush
 * first. */
void remap_producer_close(remap_producer* producer);
/* Copies a batch into the queue; a thread of the library's own encodes and sends it. What is
 * accepted is kept until the brokers have acknowledged it, through stalls, restarts and topics made
 * anew; it may arrive twice then. Where the queue is full waits for room, at most timeout_ms (0:
 * returns at once). No room is no error: the batch is counted as dropped and *accepted (may be
 * NULL) becomes 0. INVALID_ARGUMENT, naming the column or sample: counts that do not fit, a label
 * beyond 0 .. 1, a negative weight, a batch that no queue of this size can hold. */
remap_status remap_producer_send(remap_producer* producer, const remap_batch* batch,
                                 int64_t timeout_ms, int* accepted);
/* Waits until all that was accepted is delivered or has failed. UNAVAILABLE: the time was not
 * enough; what is queued stays queued. IO: batches have failed since the last flush, with how many.
 */
remap_status remap_producer_flush(remap_producer* producer, int64_t timeout_ms);
remap_status remap_producer_get_stats(const remap_producer* producer, remap_producer_stats* stats);

#ifdef __cplusplus
}
#endif

#endif /* REMAP_H_ */
