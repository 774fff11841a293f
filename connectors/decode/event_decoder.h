// EventDecoder: one Kafka message to the samples in it, as [source.decode] says.
//
//   access_batch  our own: AccessBatch, or lines of its JSON form
//   json          one or more objects in the layout of the configuration
//   avro          a record, by a schema from a file or a registry
//   protobuf      a message of a descriptor set or a registry
//   registry      whichever of the last three the registry says
//
// With Confluent's framing a message begins with a 0, its schema's number (4 bytes, big endian)
// and, for protobuf, which message of the schema it is. Schemas are fetched when the first message
// of theirs comes and kept. While the registry does not answer, decode() gives a retryable error
// and the caller calls again with the same message: none is passed over.
//
// Not thread safe. Memory: a message, and at most kMaxKeptSchemas schemas.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/decode/record_decoder.h"
#include "connectors/decode/record_layout.h"
#include "connectors/decode/schema_registry.h"
#include "connectors/proto/access_batch_codec.h"
#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/pipeline/event_batch.h"
#include "core/pipeline/feature_schema.h"

namespace remapd::decode {

inline constexpr std::size_t kMaxKeptSchemas = 1'000;

enum class RecordFormat : std::uint8_t { kAccessBatch, kJson, kAvro, kProtobuf, kRegistry };
enum class Framing : std::uint8_t { kNone, kConfluent };

struct DecodeOptions {
  RecordFormat format = RecordFormat::kAccessBatch;
  Framing framing = Framing::kNone;
  RecordLayout layout{};
  std::optional<RegistryOptions> registry{};
  std::filesystem::path schema_file{};     // avro: JSON (.avsc)
  std::filesystem::path descriptor_set{};  // protobuf
  std::string message{};                   // protobuf: full name; empty: the only one there is
};

// Records in one layout and one schema, one after another; for logs.
class RecordReader {
 public:
  RecordReader(std::unique_ptr<SampleBuilder> builder, std::unique_ptr<RecordDecoder> decoder);

  // kConfig: a path or schema that cannot be used; not for kAccessBatch and kRegistry.
  static Result<RecordReader> create(const DecodeOptions& options,
                                     const pipeline::FeatureSchema& schema);

  // Appends the samples of a record to a batch under construction and says how many. kCorrupt: the
  // batch is as it was.
  Result<std::size_t> append(ByteView record, pipeline::EventBatch& into);

 private:
  std::unique_ptr<SampleBuilder> builder_;  // before the decoder, which knows its tree
  std::unique_ptr<RecordDecoder> decoder_;
};

class EventDecoder {
 public:
  // kConfig naming the key.
  static Result<std::unique_ptr<EventDecoder>> create(const DecodeOptions& options,
                                                      const pipeline::FeatureSchema& schema);
  virtual ~EventDecoder() = default;

  // Resets `into`, fills and seals it. On error it is empty: kCorrupt and kUnsupported, the message
  // cannot be used (one without a sample, too); retryable: call again. Of a message of several
  // records each bad one goes to `on_bad`, and the batch may then have no samples.
  virtual Result<proto::DecodeNotes> decode(ByteView message, pipeline::EventBatch& into,
                                            const proto::OnBadRecord& on_bad) = 0;
};

}  // namespace remapd::decode
