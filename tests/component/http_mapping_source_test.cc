// A trainer's client that follows a running daemon by its admin server.
#include "connectors/http/http_mapping_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cpp/client.h"
#include "daemon/admin/endpoints.h"
#include "daemon/admin/server.h"
#include "tests/support/daemon_run.h"
#include "tests/support/self_signed.h"

namespace remapd::application {
namespace {

using test_support::TempDir;
using test_support::write_file;
using testing::HasSubstr;

constexpr std::uint32_t kItemRows = 150;
const std::string kToken = "0123456789abcdef";

class FollowsADaemon : public testing::Test {
 protected:
  FollowsADaemon() : log_({.level = config::LogLevel::kError}) {
    generate_log(dir_ / "events.tsv", 40'000);
    write_file(dir_ / "token", kToken);
    EXPECT_TRUE(test_support::write_self_signed(dir_.path()));
    config::Config config = config_in(dir_.path());
    config.sink.snapshot_share = 100;
    daemon_ = std::make_unique<DaemonRun>(std::move(config), 0);
    settings_.listen = "127.0.0.1:0";
  }
  ~FollowsADaemon() override {
    server_.reset();
    EXPECT_TRUE(daemon_->stop());
  }

  // Answers from now on, under the same address if it did before.
  void listen() {
    auto server =
        admin::AdminServer::create(settings_, admin::endpoints(**daemon_, settings_), log_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    server_->start();
    if (settings_.listen.ends_with(":0")) {
      settings_.listen = "127.0.0.1:" + std::to_string(server_->port());
    }
  }
  void follow(http::HttpOptions options) {
    auto source = http::HttpMappingSource::create(std::move(options), "item");
    ASSERT_TRUE(source) << source.error().message;
    auto client = client::Client::create(std::move(*source), {.table = "item", .rows = kItemRows});
    ASSERT_TRUE(client) << client.error().message;
    client_ = std::move(*client);
  }
  std::string address() const { return settings_.listen; }

  // One version more of each table.
  void go_on() {
    const auto before = (**daemon_).status()->tables[1].stats.version;
    do {
      given_ += 200;
      daemon_->let_through(given_);
      ASSERT_TRUE(daemon_->wait_for_samples(given_));
    } while ((**daemon_).status()->tables[1].stats.version == before);
  }
  Version newest() { return (**daemon_).status()->tables[1].stats.version; }

  void expect_served_is_the_newest() {
    ASSERT_EQ(client_->served(), newest()) << client_->stats().last_problem;
    const auto ids = await_answer<std::vector<pipeline::IdStats>>(
        [&](auto answer) {
          (**daemon_).heaviest("item", 1'000, pipeline::RowRole::kAny, std::move(answer));
        },
        20s);
    ASSERT_TRUE(ids);
    client::Reader reader = client_->reader();
    const client::Pin pin = reader.pin();
    std::size_t compared = 0;
    for (const pipeline::IdStats& id : *ids) {
      if (id.row == kNoRow) continue;  // new since the version
      Row row;
      pin.lookup({&id.id, 1}, {&row, 1});
      EXPECT_EQ(row, id.row);
      ++compared;
    }
    EXPECT_GT(compared, 100U);
  }

  TempDir dir_;
  logging::Logger log_;
  std::unique_ptr<DaemonRun> daemon_;
  std::uint64_t given_ = 0;
  config::Admin settings_;
  std::unique_ptr<admin::AdminServer> server_;
  std::unique_ptr<client::Client> client_;
};

TEST_F(FollowsADaemon, FromVersionToVersionWithTheirPlans) {
  listen();
  follow({.url = "http://" + address()});
  ASSERT_TRUE(client_->poll(0ms)) << "no version yet is no error";
  std::vector<float> matrix(kItemRows, 1.0F);
  for (int version = 0; version < 5; ++version) {
    go_on();
    const auto staged = client_->poll(20s);
    ASSERT_TRUE(staged) << staged.error().message;
    while (client_->served() != newest()) {
      const auto migration = client_->swap_next();
      ASSERT_TRUE(migration) << migration.error().message;
      ASSERT_TRUE(migration->apply(matrix, 1));
    }
    expect_served_is_the_newest();
  }
  EXPECT_EQ(client_->stats().rejected, 0U);
  EXPECT_EQ(client_->stats().plans_missing, 0U);
}

TEST_F(FollowsADaemon, OneThatWasAwayFindsTheNewest) {
  listen();
  follow({.url = "http://" + address()});
  go_on();
  ASSERT_TRUE(client_->poll(20s));
  ASSERT_TRUE(client_->swap_next());
  for (int i = 0; i < 5; ++i) go_on();  // more than [admin] keep_versions
  ASSERT_TRUE(client_->poll(20s));
  EXPECT_FALSE(client_->swap_to(newest())) << "plans between are gone";
  ASSERT_TRUE(client_->swap_to(newest(), client::Unmigrated::kAllow));
  expect_served_is_the_newest();
}

TEST_F(FollowsADaemon, WhileItsServerComesAndGoes) {
  listen();
  follow({.url = "http://" + address()});
  go_on();
  ASSERT_TRUE(client_->poll(20s));
  ASSERT_TRUE(client_->swap_next());
  server_.reset();
  const auto away = client_->poll(1s);
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().code, ErrorCode::kUnavailable);
  expect_served_is_the_newest();
  go_on();
  listen();
  ASSERT_TRUE(client_->poll(20s));
  ASSERT_TRUE(client_->swap_next());
  expect_served_is_the_newest();
}

TEST_F(FollowsADaemon, OverTlsWhereTheCertificateIsKnown) {
  settings_.tls_certificate_file = dir_ / "cert.pem";
  settings_.tls_key_file = dir_ / "key.pem";
  listen();
  go_on();
  const std::string url = "https://localhost:" + std::to_string(server_->port());
  follow({.url = url});
  const auto refused = client_->poll(0ms);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("certificate"));
  follow({.url = url, .ca_file = dir_ / "cert.pem"});
  const auto staged = client_->poll(20s);
  ASSERT_TRUE(staged) << staged.error().message;
  ASSERT_TRUE(client_->swap_next(client::Unmigrated::kAllow));
  expect_served_is_the_newest();
}

TEST_F(FollowsADaemon, OverAUnixSocket) {
  settings_.listen = "unix:" + (dir_ / "admin.sock").string();
  listen();
  go_on();
  follow({.url = address()});
  ASSERT_TRUE(client_->poll(20s));
  ASSERT_TRUE(client_->swap_next(client::Unmigrated::kAllow));
  expect_served_is_the_newest();
}

TEST_F(FollowsADaemon, WithItsTokenWhereItAsksForOne) {
  settings_.listen = "0.0.0.0:0";
  settings_.token_file = dir_ / "token";
  settings_.tls_certificate_file = dir_ / "cert.pem";
  settings_.tls_key_file = dir_ / "key.pem";
  listen();
  go_on();
  const std::string url = "https://localhost:" + std::to_string(server_->port());
  follow({.url = url, .ca_file = dir_ / "cert.pem"});
  const auto refused = client_->poll(0ms);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("token_file"));
  follow({.url = url, .token_file = dir_ / "token", .ca_file = dir_ / "cert.pem"});
  const auto staged = client_->poll(20s);
  ASSERT_TRUE(staged) << staged.error().message;
  EXPECT_EQ(*staged, 1U);
}

}  // namespace
}  // namespace remapd::application
