#include "daemon/config/config_schema.h"

#include <set>

#include <gtest/gtest.h>

namespace remapd::config {
namespace {

template <class Owner>
void expect_complete(const std::string& path, const std::vector<Key<Owner>>& keys) {
  std::set<std::string> names;
  for (const Key<Owner>& key : keys) {
    const std::string full = path + "." + key.info.name;
    EXPECT_FALSE(key.info.name.empty()) << path;
    EXPECT_FALSE(key.info.type.empty()) << full;
    EXPECT_TRUE(key.info.meaning.ends_with(".")) << full;
    EXPECT_TRUE(names.insert(key.info.name).second) << full << " stands twice";
  }
}

TEST(ConfigSchema, EveryKeySaysWhatItMeans) {
  const ConfigSchema& schema = config_schema();
  std::set<std::string> paths;
  for (const Section& section : schema.sections) {
    EXPECT_TRUE(paths.insert(section.path).second) << section.path;
    EXPECT_FALSE(section.meaning.empty()) << section.path;
    expect_complete(section.path, section.keys);
  }
  expect_complete(schema.table.path, schema.table.keys);
  expect_complete(schema.feature.path, schema.feature.keys);
}

TEST(ConfigSchema, EverySubsectionHasItsParent) {
  const ConfigSchema& schema = config_schema();
  std::set<std::string> paths;
  for (const Section& section : schema.sections) paths.insert(section.path);
  const auto expect_parent = [&](const std::string& path) {
    const std::size_t dot = path.rfind('.');
    const bool nested = dot != std::string::npos;
    EXPECT_TRUE(!nested || paths.contains(path.substr(0, dot))) << path;
  };
  for (const Section& section : schema.sections) expect_parent(section.path);
  for (const PropertySection& section : schema.properties) expect_parent(section.path);
}

TEST(ConfigSchema, DefaultsAreWithinTheirBounds) {
  for (const Section& section : config_schema().sections) {
    for (const Key<Config>& key : section.keys) {
      const toml::table table = toml::parse("v = " + key.write(Config{}));
      Config config;
      const auto ok = key.read(*table.get("v"), config);
      EXPECT_TRUE(ok) << section.path << "." << key.info.name << ": " << ok.error().message;
    }
  }
}

TEST(ConfigSchema, WhatAReloadAppliesIsMarked) {
  std::set<std::string> live;
  for (const Section& section : config_schema().sections) {
    for (const Key<Config>& key : section.keys) {
      if (key.info.reload == Reload::kLive) live.insert(section.path + "." + key.info.name);
    }
  }
  const std::set<std::string> expected{
      "instance.stop_timeout",   "sink.snapshot_share", "publish.interval",
      "publish.min_interval",    "publish.cpu_share",   "publish.gates.min_samples",
      "publish.gates.max_churn", "checkpoint.interval", "log.level"};
  EXPECT_EQ(live, expected);
}

TEST(SecretProperties, AreKnown) {
  EXPECT_TRUE(is_secret_property("sasl.password"));
  EXPECT_TRUE(is_secret_property("ssl.key.password"));
  EXPECT_FALSE(is_secret_property("sasl.username"));
  EXPECT_FALSE(is_secret_property("ssl.key.location"));
}

}  // namespace
}  // namespace remapd::config
