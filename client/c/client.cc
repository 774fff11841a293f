#include "client/cpp/client.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <mutex>

#include "client/c/handles.h"
#include "client/c/properties.h"
#include "connectors/files/directory_source.h"
#include "connectors/http/http_mapping_source.h"
#include "connectors/kafka/kafka_mapping_source.h"

using remapd::Id;
using remapd::Result;
using remapd::Row;
using remapd::Version;
namespace c_api = remapd::c_api;
namespace client = remapd::client;

struct remap_client {
  std::unique_ptr<client::Client> client;
  std::mutex poller;  // start and stop of the client's own thread
};

struct remap_reader {
  client::Reader reader;
};

namespace {

Result<client::ClientOptions> options_of(const remap_client_options* options) {
  auto given = c_api::copy_in(options, "options");
  if (!given) return remapd::fail(std::move(given).error());
  if (given->table == nullptr) return remapd::fail(c_api::null_argument("options->table"));
  client::ClientOptions out;
  out.table = given->table;
  out.rows = given->rows;
  if (given->seed != 0) out.seed = given->seed;
  if (given->max_staged != 0) out.max_staged = given->max_staged;
  out.map_files = given->map_files != 0;
  return out;
}

Result<void> make(std::unique_ptr<remapd::mapping::MappingSource> source,
                  client::ClientOptions options, remap_client** out) {
  auto client = client::Client::create(std::move(source), std::move(options));
  if (!client) return remapd::fail(std::move(client).error());
  auto handle = std::make_unique<remap_client>();
  handle->client = std::move(*client);
  *out = handle.release();
  return {};
}

client::Unmigrated rule(int allow_unmigrated) {
  return allow_unmigrated != 0 ? client::Unmigrated::kAllow : client::Unmigrated::kRefuse;
}

// What a swap gave. The handle was made before it: a swap whose migration were lost for want of
// memory could not be made good.
Result<void> keep(Result<client::Migration> migration, std::unique_ptr<remap_migration> handle,
                  remap_migration** out) {
  if (!migration) return remapd::fail(std::move(migration).error());
  handle->migration = std::move(*migration);
  *out = handle.release();
  return {};
}

std::unique_ptr<remap_migration> empty_migration() {
  return std::make_unique<remap_migration>(
      remap_migration{client::Migration(remapd::kNoVersion, remapd::kNoVersion, "")});
}

Version look_up(remap_reader& reader, const uint64_t* ids, std::size_t count, int64_t* rows) {
  const client::Pin pin = reader.reader.pin();
  c_api::lookup_wide([&](std::span<const Id> in, std::span<Row> to) { pin.lookup(in, to); }, ids,
                     count, rows);
  return pin.version();
}

}  // namespace

extern "C" {

remap_status remap_client_open_directory(const char* directory, const remap_client_options* options,
                                         remap_client** out) {
  return c_api::call([&]() -> Result<void> {
    if (directory == nullptr) return remapd::fail(c_api::null_argument("directory"));
    if (out == nullptr) return remapd::fail(c_api::null_argument("out"));
    auto wanted = options_of(options);
    if (!wanted) return remapd::fail(std::move(wanted).error());
    auto source = remapd::files::DirectoryMappingSource::create(directory, wanted->table);
    if (!source) return remapd::fail(std::move(source).error());
    return make(std::move(*source), std::move(*wanted), out);
  });
}

remap_status remap_client_open_kafka(const char* brokers, const char* topic,
                                     const char* const* properties, size_t property_count,
                                     const remap_client_options* options, remap_client** out) {
  return c_api::call([&]() -> Result<void> {
    if (topic == nullptr) return remapd::fail(c_api::null_argument("topic"));
    if (out == nullptr) return remapd::fail(c_api::null_argument("out"));
    auto settings = c_api::kafka_settings(brokers, properties, property_count);
    if (!settings) return remapd::fail(std::move(settings).error());
    auto wanted = options_of(options);
    if (!wanted) return remapd::fail(std::move(wanted).error());
    remapd::kafka::KafkaMappingSourceOptions of;
    of.settings = std::move(*settings);
    of.topic = topic;
    of.table = wanted->table;
    auto source = remapd::kafka::KafkaMappingSource::create(std::move(of));
    if (!source) return remapd::fail(std::move(source).error());
    return make(std::move(*source), std::move(*wanted), out);
  });
}

remap_status remap_client_open_http(const char* url, const remap_http_options* http,
                                    const remap_client_options* options, remap_client** out) {
  return c_api::call([&]() -> Result<void> {
    if (url == nullptr) return remapd::fail(c_api::null_argument("url"));
    if (out == nullptr) return remapd::fail(c_api::null_argument("out"));
    auto wanted = options_of(options);
    if (!wanted) return remapd::fail(std::move(wanted).error());
    remapd::http::HttpOptions of;
    of.url = url;
    if (http != nullptr) {
      auto given = c_api::copy_in(http, "http");
      if (!given) return remapd::fail(std::move(given).error());
      if (given->token_file != nullptr) of.token_file = given->token_file;
      if (given->ca_file != nullptr) of.ca_file = given->ca_file;
    }
    auto source = remapd::http::HttpMappingSource::create(std::move(of), wanted->table);
    if (!source) return remapd::fail(std::move(source).error());
    return make(std::move(*source), std::move(*wanted), out);
  });
}

void remap_client_close(remap_client* client) {
  delete client;
}

remap_status remap_client_poll(remap_client* client, int64_t timeout_ms, size_t* newly) {
  return c_api::call([&]() -> Result<void> {
    if (client == nullptr) return remapd::fail(c_api::null_argument("client"));
    // Longer than a day is for ever, as far as a wait is concerned.
    constexpr int64_t kDay = 86'400'000;
    auto polled =
        client->client->poll(std::chrono::milliseconds(std::clamp<int64_t>(timeout_ms, 0, kDay)));
    if (!polled) return remapd::fail(std::move(polled).error());
    if (newly != nullptr) *newly = *polled;
    return {};
  });
}

remap_status remap_client_start(remap_client* client) {
  return c_api::call([&]() -> Result<void> {
    if (client == nullptr) return remapd::fail(c_api::null_argument("client"));
    const std::lock_guard lock(client->poller);
    client->client->start();
    return {};
  });
}

remap_status remap_client_stop(remap_client* client) {
  return c_api::call([&]() -> Result<void> {
    if (client == nullptr) return remapd::fail(c_api::null_argument("client"));
    const std::lock_guard lock(client->poller);
    client->client->stop();
    return {};
  });
}

remap_status remap_client_staged(const remap_client* client, remap_staged_version* staged,
                                 size_t capacity, size_t* count) {
  return c_api::call([&]() -> Result<void> {
    if (client == nullptr) return remapd::fail(c_api::null_argument("client"));
    if (count == nullptr) return remapd::fail(c_api::null_argument("count"));
    if (capacity != 0 && staged == nullptr) return remapd::fail(c_api::null_argument("staged"));
    const std::vector<client::StagedVersion> all = client->client->staged();
    for (std::size_t i = 0; i < std::min(capacity, all.size()); ++i) {
      staged[i] = {.version = all[i].manifest.info.version.value,
                   .built_samples = all[i].manifest.built_samples,
                   .ids = all[i].manifest.ids,
                   .built_ms = all[i].manifest.info.built_ms,
                   .swappable = all[i].swappable ? 1 : 0,
                   .migratable = all[i].migratable ? 1 : 0};
    }
    *count = all.size();
    return {};
  });
}

remap_status remap_client_served(const remap_client* client, uint64_t* version) {
  return c_api::call([&]() -> Result<void> {
    if (client == nullptr) return remapd::fail(c_api::null_argument("client"));
    if (version == nullptr) return remapd::fail(c_api::null_argument("version"));
    *version = client->client->served().value;
    return {};
  });
}

remap_status remap_client_last_problem(const remap_client* client, uint64_t* number, char* text,
                                       size_t size) {
  return c_api::call([&]() -> Result<void> {
    if (client == nullptr) return remapd::fail(c_api::null_argument("client"));
    if (number == nullptr) return remapd::fail(c_api::null_argument("number"));
    if (size != 0 && text == nullptr) return remapd::fail(c_api::null_argument("text"));
    const auto [told, words] = client->client->last_problem();
    *number = told;
    if (size != 0) text[words.copy(text, size - 1)] = '\0';
    return {};
  });
}

remap_status remap_client_check(const remap_client* client) {
  return c_api::call([&]() -> Result<void> {
    if (client == nullptr) return remapd::fail(c_api::null_argument("client"));
    if (auto error = client->client->poll_error()) return remapd::fail(std::move(*error));
    return {};
  });
}

remap_status remap_client_offer(remap_client* client, uint64_t at_most, uint64_t up_to_samples,
                                uint64_t* served, uint64_t* version) {
  return c_api::call([&]() -> Result<void> {
    if (client == nullptr) return remapd::fail(c_api::null_argument("client"));
    if (version == nullptr) return remapd::fail(c_api::null_argument("version"));
    const client::Offer offer = client->client->offer(Version{at_most}, up_to_samples);
    if (served != nullptr) *served = offer.served.value;
    *version = offer.version.value;
    return {};
  });
}

remap_status remap_client_swap_next(remap_client* client, int allow_unmigrated,
                                    remap_migration** out) {
  return c_api::call([&]() -> Result<void> {
    if (client == nullptr) return remapd::fail(c_api::null_argument("client"));
    if (out == nullptr) return remapd::fail(c_api::null_argument("out"));
    auto handle = empty_migration();
    return keep(client->client->swap_next(rule(allow_unmigrated)), std::move(handle), out);
  });
}

remap_status remap_client_swap_to(remap_client* client, uint64_t version, int allow_unmigrated,
                                  remap_migration** out) {
  return c_api::call([&]() -> Result<void> {
    if (client == nullptr) return remapd::fail(c_api::null_argument("client"));
    if (out == nullptr) return remapd::fail(c_api::null_argument("out"));
    auto handle = empty_migration();
    return keep(client->client->swap_to(Version{version}, rule(allow_unmigrated)),
                std::move(handle), out);
  });
}

remap_status remap_client_current(const remap_client* client, remap_mapping** out) {
  return c_api::call([&]() -> Result<void> {
    if (client == nullptr) return remapd::fail(c_api::null_argument("client"));
    if (out == nullptr) return remapd::fail(c_api::null_argument("out"));
    *out = new remap_mapping{nullptr, std::nullopt, client->client->current()};
    return {};
  });
}

remap_status remap_client_get_stats(const remap_client* client, remap_client_stats* stats) {
  return c_api::call([&]() -> Result<void> {
    if (client == nullptr) return remapd::fail(c_api::null_argument("client"));
    const client::ClientStats of = client->client->stats();
    remap_client_stats filled{};
    filled.manifests = of.manifests;
    filled.stale = of.stale;
    filled.staged = of.staged;
    filled.from_deltas = of.from_deltas;
    filled.rejected = of.rejected;
    filled.plans = of.plans;
    filled.plans_missing = of.plans_missing;
    filled.bytes = of.bytes;
    filled.retries = of.retries;
    filled.poll_errors = of.poll_errors;
    filled.swaps = of.swaps;
    filled.served = of.served.value;
    filled.newest_staged = of.newest_staged.value;
    filled.staged_now = of.staged_now;
    filled.waiting_to_be_freed = of.waiting_to_be_freed;
    filled.readers = of.readers;
    filled.problems = of.problems;
    c_api::copy_text(of.last_problem, filled.last_problem);
    return c_api::copy_out(filled, stats, "stats");
  });
}

remap_status remap_client_reader(remap_client* client, remap_reader** out) {
  return c_api::call([&]() -> Result<void> {
    if (client == nullptr) return remapd::fail(c_api::null_argument("client"));
    if (out == nullptr) return remapd::fail(c_api::null_argument("out"));
    *out = new remap_reader{client->client->reader()};
    return {};
  });
}

void remap_reader_close(remap_reader* reader) {
  delete reader;
}

remap_status remap_reader_lookup_u32(remap_reader* reader, const uint64_t* ids, size_t count,
                                     uint32_t* rows, uint64_t* version) {
  return c_api::call([&]() -> Result<void> {
    if (reader == nullptr) return remapd::fail(c_api::null_argument("reader"));
    if (auto ok = c_api::check_arrays(ids, rows, count); !ok) return ok;
    const client::Pin pin = reader->reader.pin();
    pin.lookup({ids, count}, c_api::as_rows(rows, count));
    if (version != nullptr) *version = pin.version().value;
    return {};
  });
}

remap_status remap_reader_lookup_i64(remap_reader* reader, const uint64_t* ids, size_t count,
                                     int64_t* rows, uint64_t* version) {
  return c_api::call([&]() -> Result<void> {
    if (reader == nullptr) return remapd::fail(c_api::null_argument("reader"));
    if (auto ok = c_api::check_arrays(ids, rows, count); !ok) return ok;
    const Version answered = look_up(*reader, ids, count, rows);
    if (version != nullptr) *version = answered.value;
    return {};
  });
}

remap_status remap_readers_lookup_i64(remap_reader* const* readers, const size_t* counts,
                                      size_t features, const uint64_t* ids, int64_t* rows) {
  return c_api::call([&]() -> Result<void> {
    if (features != 0 && readers == nullptr) return remapd::fail(c_api::null_argument("readers"));
    if (features != 0 && counts == nullptr) return remapd::fail(c_api::null_argument("counts"));
    std::size_t total = 0;
    for (std::size_t f = 0; f < features; ++f) total += counts[f];
    if (auto ok = c_api::check_arrays(ids, rows, total); !ok) return ok;
    std::size_t at = 0;
    for (std::size_t f = 0; f < features; at += counts[f], ++f) {
      if (counts[f] == 0) continue;
      if (readers[f] != nullptr) {
        look_up(*readers[f], ids + at, counts[f], rows + at);
      } else {
        std::memcpy(rows + at, ids + at, counts[f] * sizeof(*rows));
      }
    }
    return {};
  });
}
}
