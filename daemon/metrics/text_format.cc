#include <sstream>
#include <string>
#include <string_view>

#include <prometheus/text_serializer.h>

#include "daemon/metrics/metrics.h"

namespace remapd::metrics {
namespace {

// OpenMetrics names the family of a counter without "_total", and ends with a mark.
std::string open_metrics(const std::string& prometheus_text) {
  constexpr std::string_view kTotal = "_total";
  std::istringstream lines(prometheus_text);
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# ")) {
      const std::size_t name_end = line.find(' ', line.find(' ', 2) + 1);
      const std::string_view head = std::string_view(line).substr(0, name_end);
      if (head.ends_with(kTotal)) line.erase(name_end - kTotal.size(), kTotal.size());
    }
    out += line;
    out += '\n';
  }
  return out + "# EOF\n";
}

}  // namespace

TextFormat negotiate(std::string_view accept) {
  return accept.find("application/openmetrics-text") != std::string_view::npos
             ? TextFormat::kOpenMetrics
             : TextFormat::kPrometheus;
}

std::string_view content_type(TextFormat format) {
  return format == TextFormat::kOpenMetrics
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4; charset=utf-8";
}

std::string to_text(const std::vector<prometheus::MetricFamily>& families, TextFormat format) {
  const std::string text = prometheus::TextSerializer().Serialize(families);
  return format == TextFormat::kOpenMetrics ? open_metrics(text) : text;
}

}  // namespace remapd::metrics
