// The daemon's metrics, made from its Status when somebody asks: there is no second set of counters
// that could disagree with /status. docs/metrics.md lists them; a test keeps it and this equal.
//
// Counters begin at 0 with the process unless they say "all time". Pure; safe on any thread.
#pragma once

#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include "daemon/application/status.h"

namespace remapd::metrics {

std::vector<prometheus::MetricFamily> families_of(const application::Status& status);

// Text exposition formats: Prometheus 0.0.4 and OpenMetrics 1.0.0.
enum class TextFormat { kPrometheus, kOpenMetrics };
// By the Accept header of a scrape.
TextFormat negotiate(std::string_view accept);
std::string_view content_type(TextFormat format);
std::string to_text(const std::vector<prometheus::MetricFamily>& families, TextFormat format);

}  // namespace remapd::metrics
