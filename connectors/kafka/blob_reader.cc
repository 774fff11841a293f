#include "connectors/kafka/blob_reader.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "connectors/kafka/blob_assembly.h"
#include "connectors/kafka/mapping_record.h"

namespace remapd::kafka {

Result<mapping::BlobPtr> read_blob(RecordLog& log, const PublishedVersion& version,
                                   mapping::BlobKind kind) {
  const mapping::Manifest& manifest = version.manifest;
  const auto& info = manifest.blob(kind);
  if (!info) {
    return fail(blob_error({ErrorCode::kNotFound, "its manifest names none"}, manifest, kind));
  }
  const auto range = log.range();
  if (!range) return fail(range.error());
  BlobAssembly assembly;
  const auto read =
      log.read(std::max(version.begins, range->low), std::min(version.offset, range->high),
               [&](const LogRecord& record) {
                 const auto key = parse_record_key(record.key);
                 if (!key || !record.value || key->kind != RecordKind::kChunk ||
                     key->blob != kind || key->table != manifest.info.table ||
                     key->version != manifest.info.version || key->epoch != manifest.info.epoch) {
                   return;
                 }
                 // A damaged chunk is as good as missing.
                 auto value = parse_record(*key, *record.value);
                 if (value) assembly.add(std::move(*value->mutable_chunk()));
               });
  if (!read) return fail(read.error());
  auto blob = assembly.take(*info);
  if (!blob) return fail(blob_error(std::move(blob).error(), manifest, kind));
  return mapping::BlobPtr(std::make_shared<mapping::OwnedBlob>(std::move(*blob)));
}

Error blob_error(Error error, const mapping::Manifest& manifest, mapping::BlobKind kind) {
  return std::move(error).with_context(
      fmt::format("the {} of version {} of table {}", mapping::to_string(kind),
                  manifest.info.version.value, manifest.info.table));
}

}  // namespace remapd::kafka
