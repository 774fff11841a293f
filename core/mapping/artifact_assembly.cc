#include "core/mapping/artifact_assembly.h"

#include <algorithm>
#include <cstring>

#include "core/mapping/artifact_format.h"

namespace remapd::mapping {
namespace {

using namespace format;  // NOLINT(google-build-using-namespace): this file implements the format

void put_shape(const LineShape& shape, ByteWriter& out) {
  out.put(shape.layout);
  out.put(shape.row_bits);
  out.put(shape.home_lines);
  out.put(shape.lines);
  out.put(shape.exceptions);
}

void put_shape(const FuseShape& shape, ByteWriter& out) {
  out.put(kFuse);
  out.put(shape.row_bits);
  out.put(shape.shards);
  out.put(shape.segment_bits);
  out.put(shape.segments);
  out.put(shape.seed);
}

Bytes encode_header(const ArtifactParts& parts, std::uint64_t file_size,
                    std::uint64_t body_checksum) {
  const MappingInfo& info = parts.info;
  const auto header_size = static_cast<std::uint32_t>(header_bytes(info));
  ByteWriter out;
  for (const char c : kMagic) out.put(c);
  out.put(kFormat);
  out.put(header_size);
  out.put(file_size);
  out.put<std::uint64_t>(0);  // the header's checksum, below
  out.put(body_checksum);
  out.put(info.version.value);
  out.put(info.parent.value);
  out.put(info.epoch.value);
  out.put(info.built_ms);
  out.put(parts.ids);
  out.put(parts.content_hash);
  out.put(info.fallback.seed);
  out.put(info.fallback.first_row);
  out.put(info.fallback.row_count);
  out.put(info.fallback.ways);
  out.put(static_cast<std::uint32_t>(info.strategy));
  out.put(info.rows);
  out.put(info.dedicated_rows);
  std::visit([&](const auto& shape) { put_shape(shape, out); }, parts.shape);
  out.put(static_cast<std::uint32_t>(info.table.size()));
  out.put<std::uint32_t>(0);
  out.put_array(std::span<const char>(info.table.data(), info.table.size()));
  out.bytes().resize(header_size);
  const std::uint64_t sum = checksum(out.bytes());
  std::memcpy(out.bytes().data() + kHeaderChecksumAt, &sum, sizeof(sum));
  return std::move(out).take();
}

}  // namespace

std::size_t header_bytes(const MappingInfo& info) {
  const std::size_t used = kFixedHeaderBytes + info.table.size();
  return (used + kLineBytes - 1) / kLineBytes * kLineBytes;
}

Bytes assemble(const ArtifactParts& parts, Bytes bytes) {
  const std::uint64_t body_checksum = checksum(ByteView(bytes).subspan(header_bytes(parts.info)));
  const Bytes encoded = encode_header(parts, bytes.size(), body_checksum);
  std::copy(encoded.begin(), encoded.end(), bytes.begin());
  return bytes;
}

Bytes assemble_lines(ArtifactParts parts, Bytes bytes, std::vector<Exception> exceptions) {
  auto& shape = std::get<LineShape>(parts.shape);
  shape.lines = static_cast<std::uint32_t>((bytes.size() - header_bytes(parts.info)) / kLineBytes);
  shape.exceptions = exceptions.size();
  std::sort(exceptions.begin(), exceptions.end(),
            [](const Exception& a, const Exception& b) { return a.id < b.id; });
  ByteWriter out;
  out.bytes() = std::move(bytes);
  for (const Exception& e : exceptions) out.put(e.id);
  for (const Exception& e : exceptions) out.put(e.row);
  return assemble(parts, std::move(out).take());
}

}  // namespace remapd::mapping
