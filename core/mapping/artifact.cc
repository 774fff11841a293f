#include "core/mapping/artifact.h"

#include <algorithm>
#include <array>

#include "core/base/check.h"
#include "core/mapping/artifact_format.h"
#include "core/mapping/mapping_state.h"

namespace remapd::mapping {
namespace {

using namespace format;  // NOLINT(google-build-using-namespace): this file implements the format

// Header fields that say nothing of the mapping itself.
struct Header {
  std::uint32_t header_size = 0;
  std::uint64_t file_size = 0;
  std::uint64_t header_checksum = 0;
  std::uint64_t body_checksum = 0;
};

LineShape get_line_shape(std::uint32_t layout, ByteReader& in) {
  LineShape shape{.layout = layout};
  shape.row_bits = in.get<std::uint32_t>();
  shape.home_lines = in.get<std::uint32_t>();
  shape.lines = in.get<std::uint32_t>();
  shape.exceptions = in.get<std::uint64_t>();
  return shape;
}

FuseShape get_fuse_shape(ByteReader& in) {
  FuseShape shape;
  shape.row_bits = in.get<std::uint32_t>();
  shape.shards = in.get<std::uint32_t>();
  shape.segment_bits = in.get<std::uint32_t>();
  shape.segments = in.get<std::uint32_t>();
  shape.seed = in.get<std::uint32_t>();
  return shape;
}

// Whether a body of this shape and size can be looked up in.
bool fits(const LineShape& shape, std::uint64_t body) {
  return shape.layout == layout_for(shape.row_bits) && shape.home_lines > 0 &&
         shape.lines >= shape.home_lines && shape.exceptions <= body && shape.bytes() == body;
}

bool fits(const FuseShape& shape, std::uint64_t body) {
  return shape.sound() && shape.bytes() == body;
}

Error corrupt(const std::string& what) {
  return {ErrorCode::kCorrupt, "mapping artifact: " + what, false};
}

}  // namespace

Result<ArtifactView> ArtifactView::open(ByteView bytes, Verify verify) {
  ByteReader in(bytes);
  std::array<char, 8> magic{};
  in.get_array(std::span<char>(magic));
  if (!in.ok() || std::memcmp(magic.data(), kMagic, sizeof(kMagic)) != 0) {
    return fail(corrupt("not one (wrong magic)"));
  }
  if (const auto version = in.get<std::uint32_t>(); version != kFormat) {
    return fail(ErrorCode::kUnsupported, "mapping artifact: format " + std::to_string(version) +
                                             ", this build reads " + std::to_string(kFormat));
  }
  Header h;
  h.header_size = in.get<std::uint32_t>();
  h.file_size = in.get<std::uint64_t>();
  h.header_checksum = in.get<std::uint64_t>();
  if (!in.ok() || h.file_size != bytes.size() || h.header_size > bytes.size() ||
      h.header_size < kFixedHeaderBytes || h.header_size % kLineBytes != 0 ||
      h.header_size > 2 * kMaxNameBytes) {
    return fail(corrupt("cut short or too long"));
  }
  Bytes header(bytes.begin(), bytes.begin() + h.header_size);
  std::fill_n(header.begin() + kHeaderChecksumAt, sizeof(std::uint64_t), std::byte{0});
  if (checksum(header) != h.header_checksum) return fail(corrupt("header checksum mismatch"));

  ArtifactView view;
  MappingInfo& info = view.info_;
  h.body_checksum = in.get<std::uint64_t>();
  info.version = Version{in.get<std::uint64_t>()};
  info.parent = Version{in.get<std::uint64_t>()};
  info.epoch = Epoch{in.get<std::uint64_t>()};
  info.built_ms = in.get<std::int64_t>();
  view.ids_ = in.get<std::uint64_t>();
  view.content_hash_ = in.get<std::uint64_t>();
  info.fallback.seed = in.get<std::uint64_t>();
  info.fallback.first_row = in.get<std::uint32_t>();
  info.fallback.row_count = in.get<std::uint32_t>();
  info.fallback.ways = in.get<std::uint32_t>();
  const auto strategy = in.get<std::uint32_t>();
  info.strategy = static_cast<Strategy>(strategy);
  info.rows = in.get<std::uint32_t>();
  info.dedicated_rows = in.get<std::uint32_t>();
  const auto layout = in.get<std::uint32_t>();
  if (layout > kFuse) {
    return fail(ErrorCode::kUnsupported, "mapping artifact: unknown layout " +
                                             std::to_string(layout) + "; a newer remapd wrote it");
  }
  const std::byte* body = bytes.data() + h.header_size;
  const std::uint64_t body_size = h.file_size - h.header_size;
  bool fitting = false;
  std::uint32_t row_bits = 0;
  if (layout == kFuse) {
    const FuseShape shape = get_fuse_shape(in);
    view.table_ = FuseTable(shape, info.rows, body);
    fitting = fits(shape, body_size) && (shape.shards == 0) == (view.ids_ == 0);
    row_bits = shape.row_bits;
  } else {
    const LineShape shape = get_line_shape(layout, in);
    view.table_ = LineTable(shape, info.rows, body);
    fitting = fits(shape, body_size);
    row_bits = shape.row_bits;
  }
  const auto name_size = in.get<std::uint32_t>();
  in.get<std::uint32_t>();
  if (name_size > h.header_size - kFixedHeaderBytes) return fail(corrupt("table name too long"));
  info.table.resize(name_size);
  in.get_array(std::span<char>(info.table));
  if (!sound(info) || strategy > static_cast<std::uint32_t>(Strategy::kCombined) ||
      row_bits != row_bits_for(info.rows) || !fitting) {
    return fail(corrupt("header contradicts itself"));
  }
  view.bytes_ = bytes;
  view.body_checksum_ = h.body_checksum;
  view.header_size_ = h.header_size;
  if (verify == Verify::kAll) {
    if (auto ok = view.verify_body(); !ok) return fail(std::move(ok).error());
  }
  return view;
}

Result<void> ArtifactView::verify_body() const {
  if (checksum(bytes_.subspan(header_size_)) == body_checksum_) return {};
  return fail(corrupt("body checksum mismatch"));
}

Row ArtifactView::lookup(Id id) const {
  const auto row = std::visit([&](const auto& table) { return table.find(id); }, table_);
  return row ? *row : info_.fallback.row(id);
}

void ArtifactView::lookup(std::span<const Id> ids, std::span<Row> out) const {
  REMAPD_CHECK(out.size() == ids.size(), "one row for each id");
  std::visit([&](const auto& table) { table.lookup(ids, info_.fallback, out); }, table_);
}

void ArtifactView::lookup_second(std::span<const Id> ids, std::span<Row> out) const {
  REMAPD_CHECK(out.size() == ids.size(), "one row for each id");
  if (info_.fallback.ways != 2) {
    std::fill(out.begin(), out.end(), kNoRow);
    return;
  }
  find(ids, out);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    out[i] = out[i] == kNoRow ? info_.fallback.second_row(ids[i]) : kNoRow;
  }
}

bool ArtifactView::contains(Id id) const {
  return std::visit([&](const auto& table) { return table.find(id).has_value(); }, table_);
}

void ArtifactView::find(std::span<const Id> ids, std::span<Row> out) const {
  REMAPD_CHECK(out.size() == ids.size(), "one row for each id");
  std::visit([&](const auto& table) { table.find(ids, out); }, table_);
}

}  // namespace remapd::mapping
