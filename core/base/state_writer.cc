#include "core/base/state_writer.h"

#include "core/base/parallel.h"

namespace remapd {
namespace {

constexpr std::size_t kSmall = std::size_t{256} << 10;  // bytes of a piece that is joined to others

}  // namespace

std::vector<Bytes> StateWriter::write() && {
  parallel_pieces(parts_.size(), [&](std::size_t part) {
    if (parts_[part].section) parts_[part].section(parts_[part].bytes);
  });
  std::vector<Bytes> out;
  for (Part& part : parts_) {
    Bytes& bytes = part.bytes.bytes();
    if (!out.empty() && out.back().size() + bytes.size() <= kSmall) {
      out.back().insert(out.back().end(), bytes.begin(), bytes.end());
    } else {
      out.push_back(std::move(bytes));
    }
  }
  parts_.clear();
  return out;
}

}  // namespace remapd
