// The lane and the engine without a disk driver, as iscsi-perf is libiscsi without one:
//   engine_bench [--depth N] [--block BYTES] [--write] [--random] [--seconds S | --requests N]
//   [--digests WHICH] [--lanes N]
//   iscsi://HOST:PORT/TARGET/LUN
// Logs in as the daemon does, keeps `depth` requests under way, and prints one line of JSON: rate,
// latencies, system calls of the rings. With several lanes it is as one disk of as many sessions,
// one on each lane, that share the depth. Who runs it counts its processor time. HOST is an
// address.
#include "iscsid/lane/lane.hpp"

#include "libiscsi/net/connector.hpp"
#include "libiscsi/scsi/capacity.hpp"
#include "libiscsi/scsi/cdb.hpp"
#include "libiscsi/scsi/lun.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <random>
#include <regex>
#include <stdexcept>

namespace {

using iscsid::lane::session_key;
using clock_type = std::chrono::steady_clock;

constexpr auto patience = std::chrono::seconds(20);

struct options {
    std::string url;
    std::size_t depth = 32;
    std::size_t block = 4096;
    double seconds = 2;
    std::uint64_t requests = 0; // instead of seconds; 0: as many as there is time for
    bool writes = false;
    bool random = false;
    bool epoll = false;
    bool one_buffer = false;
    std::size_t lanes = 1;
    std::string digests = "none";
};

options parse(int argc, char** argv) {
    options chosen;
    CLI::App app("Measures the lane and the engine without a disk driver");
    app.add_option("url", chosen.url, "iscsi://HOST:PORT/TARGET/LUN")->required();
    app.add_option("--depth", chosen.depth, "requests under way")->check(CLI::Range(1, 4096));
    app.add_option("--block", chosen.block, "bytes of a request");
    app.add_option("--seconds", chosen.seconds);
    app.add_option("--requests", chosen.requests, "so many, however long they take");
    app.add_flag("--write", chosen.writes);
    app.add_flag("--random", chosen.random);
    app.add_flag("--epoll", chosen.epoll, "the ring on epoll");
    app.add_option("--lanes", chosen.lanes, "one disk of so many sessions, each on a lane")
        ->check(CLI::Range(1, 64));
    app.add_flag("--one-buffer", chosen.one_buffer, "all reads land in the same memory");
    app.add_option("--digests", chosen.digests, "the last one counts")
        ->check(CLI::IsMember({"none", "header", "both"}))
        ->take_last();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error));
    }
    if (chosen.depth < chosen.lanes)
        throw std::runtime_error("--depth: at least one request for each lane");
    return chosen;
}

// ---- latencies ----------------------------------------------------------------------------------

// Counts by length in steps of 1/64, so that a long run takes no more memory than a short one.
class latencies {
  public:
    void add(std::uint64_t nanoseconds) { ++counts_.at(bucket_of(nanoseconds)); }

    void add(const latencies& more) {
        for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket)
            counts_[bucket] += more.counts_[bucket];
    }

    // Microseconds that this share of all has not exceeded.
    double at(double share) const {
        std::uint64_t all = 0;
        for (const auto each : counts_)
            all += each;
        auto left = static_cast<std::uint64_t>(share * static_cast<double>(all));
        std::size_t bucket = 0;
        while (bucket + 1 < counts_.size() && left >= counts_[bucket])
            left -= counts_[bucket++];
        return static_cast<double>(length_of(bucket)) / 1000;
    }

  private:
    static constexpr unsigned step_bits = 6;
    static constexpr std::uint64_t steps = 1U << step_bits;

    static std::size_t bucket_of(std::uint64_t value) {
        if (value < 2 * steps)
            return value;
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - step_bits - 1;
        return shift * steps + (value >> shift);
    }

    static std::uint64_t length_of(std::size_t bucket) {
        if (bucket < 2 * steps)
            return bucket;
        const auto shift = bucket / steps - 1;
        return (bucket - shift * steps) << shift;
    }

    std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(64 * steps);
};

// ---- the load -----------------------------------------------------------------------------------

struct outcome {
    std::uint64_t requests = 0;
    std::uint64_t failed = 0;
    std::uint64_t system_calls = 0;
    double seconds = 0;
    latencies times;

    void add(const outcome& beside) {
        requests += beside.requests;
        failed += beside.failed;
        system_calls += beside.system_calls;
        seconds = std::max(seconds, beside.seconds);
        times.add(beside.times);
    }
};

// Keeps its requests under way on the lane's thread, until its time is over or one fails.
class load final : public iscsid::lane::lane_resident, public iscsid::lane::request_owner {
  public:
    load(const options& chosen, std::uint64_t size, iscsid::lane::fence_place at)
        : chosen_(chosen)
        , fence_(std::move(at))
        , depth_(chosen.depth / chosen.lanes)
        , places_(size / chosen.block)
        , memory_(depth_ * chosen.block, std::byte{0x5a})
        , submitted_at_(depth_)
        , chance_(static_cast<std::uint32_t>(fence_.session) + 1) {}

    iscsid::lane::fence_place fence() const override { return fence_; }

    void start(iscsid::lane::ring& io, iscsid::lane::lun_port& port) override {
        io_ = &io;
        port_ = &port;
        began_ = clock_type::now();
        end_ = began_ + std::chrono::duration_cast<clock_type::duration>(
                            std::chrono::duration<double>(chosen_.seconds)
                        );
        calls_before_ = io.system_calls();
        for (std::uint64_t tag = 0; tag < depth_; ++tag)
            submit(tag, began_);
    }

    void leave(std::function<void()> gone) override { gone(); }

    void complete(std::uint64_t tag, int error) override {
        const auto now = clock_type::now();
        ++result_.requests;
        if (error != 0)
            ++result_.failed;
        result_.times.add(static_cast<std::uint64_t>((now - submitted_at_[tag]).count()));
        --under_way_;
        if (has_time(now) && result_.failed == 0)
            submit(tag, now);
        else if (under_way_ == 0)
            finish(now);
    }

    outcome wait() { return ended_.get_future().get(); }

  private:
    bool has_time(clock_type::time_point now) const {
        return chosen_.requests > 0 ? submitted_ < chosen_.requests / chosen_.lanes : now < end_;
    }

    void submit(std::uint64_t tag, clock_type::time_point now) {
        submitted_at_[tag] = now;
        ++submitted_;
        ++under_way_;
        iscsid::lane::block_request request;
        request.op =
            chosen_.writes ? iscsid::lane::operation::write : iscsid::lane::operation::read;
        request.offset = next_place() * chosen_.block;
        request.length = chosen_.block;
        const std::size_t place = chosen_.one_buffer ? 0 : tag;
        request.buffer = std::span(memory_).subspan(place * chosen_.block, chosen_.block);
        request.tag = tag;
        port_->submit(request, *this);
    }

    std::uint64_t next_place() {
        return chosen_.random ? chance_() % places_ : next_place_++ % places_;
    }

    void finish(clock_type::time_point now) {
        result_.seconds = std::chrono::duration<double>(now - began_).count();
        result_.system_calls = io_->system_calls() - calls_before_;
        ended_.set_value(std::move(result_));
    }

    const options& chosen_;
    const iscsid::lane::fence_place fence_;
    const std::size_t depth_;
    std::uint64_t places_;
    std::vector<std::byte> memory_;
    std::vector<clock_type::time_point> submitted_at_;
    std::minstd_rand chance_;
    std::uint64_t next_place_ = 0;
    std::uint64_t submitted_ = 0;
    std::size_t under_way_ = 0;
    iscsid::lane::ring* io_ = nullptr;
    iscsid::lane::lun_port* port_ = nullptr;
    clock_type::time_point began_;
    clock_type::time_point end_;
    std::uint64_t calls_before_ = 0;
    outcome result_;
    std::promise<outcome> ended_;
};

// ---- the session --------------------------------------------------------------------------------

struct place {
    std::string host;
    std::uint16_t port = 0;
    std::string target;
    iscsi::lun_field lun{};
};

place place_of(const std::string& url) {
    static const std::regex form("iscsi://([^/]+):([0-9]+)/([^/]+)/([0-9]+)");
    std::smatch parts;
    if (!std::regex_match(url, parts, form))
        throw std::runtime_error(url + ": iscsi://HOST:PORT/TARGET/LUN");
    return {
        parts[1],
        static_cast<std::uint16_t>(std::stoul(parts[2])),
        parts[3],
        scsi::lun_from_number(std::stoull(parts[4]))};
}

iscsi::session_config config_of(const options& chosen, const place& at, session_key session) {
    iscsi::session_config config;
    config.initiator_name = "iqn.2026-11.org.example:engine-bench";
    config.target_name = at.target;
    config.isid = {
        std::byte{0x80},
        {},
        {},
        {},
        {},
        static_cast<std::byte>(session)}; // random format, RFC 7143 §11.12.5
    config.commands_max = static_cast<std::uint16_t>(std::max<std::size_t>(chosen.depth, 128));
    config.unit_commands_max = config.commands_max;
    if (chosen.digests != "none")
        config.offer.header_digest = {iscsi::digest::crc32c};
    if (chosen.digests == "both")
        config.offer.data_digest = {iscsi::digest::crc32c};
    return config;
}

boost::asio::awaitable<void> connect(iscsi::net::endpoint to, int& socket, std::string& why_not) {
    iscsi::net::endpoints all(1, to);
    iscsi::net::connect_options how;
    auto made = co_await iscsi::net::connect(std::move(all), std::move(how));
    if (made)
        socket = iscsi::net::release(made->over);
    else
        why_not = made.error().text();
}

int connect_to(const place& at) {
    const auto address = iscsi::net::numeric_endpoint(at.host, at.port);
    if (!address)
        throw std::runtime_error(at.host + " is no address");
    boost::asio::io_context loop;
    int socket = -1;
    std::string why_not;
    boost::asio::co_spawn(loop, connect(*address, socket, why_not), boost::asio::detached);
    loop.run();
    if (socket < 0)
        throw std::runtime_error(why_not);
    return socket;
}

// The first of the session's notes that ends the login.
class login_watch {
  public:
    void operator()(const iscsid::lane::note& what) {
        const auto* const event = std::get_if<iscsi::event>(&what.what);
        if (event == nullptr || told_)
            return;
        if (const auto* const failed = std::get_if<iscsi::login_failed>(event))
            end("the login fails: " + failed->why.text());
        if (std::holds_alternative<iscsi::logged_in>(*event))
            end({});
    }

    std::string wait() {
        auto end = ended_.get_future();
        return end.wait_for(patience) == std::future_status::ready ? end.get() : "no login in time";
    }

  private:
    void end(std::string why_not) {
        told_ = true;
        ended_.set_value(std::move(why_not));
    }

    bool told_ = false;
    std::promise<std::string> ended_;
};

// A lane with one session.
class side {
  public:
    side(const options& chosen, const place& at, session_key session) : session_(session) {
        std::string why_not;
        auto io = iscsid::lane::make_ring(&why_not, chosen.epoll);
        if (io == nullptr)
            throw std::runtime_error(why_not);
        lane_ = iscsid::lane::make_lane(std::move(io), "lane");
        log_in(config_of(chosen, at, session), at);
        unit_ = look_at(at.lun);
        if (unit_.size() < chosen.block)
            throw std::runtime_error("the unit is smaller than a request");
    }

    void start(const options& chosen, const iscsi::lun_field& lun, iscsid::lane::fence_place at) {
        load_ = std::make_unique<load>(chosen, unit_.size(), std::move(at));
        lane_->attach(session_, lun, unit_, *load_);
    }

    // After start(). Blocks.
    outcome end() {
        outcome result = load_->wait();
        std::promise<void> gone;
        lane_->detach(*load_, [&] { gone.set_value(); });
        gone.get_future().wait();
        return result;
    }

  private:
    void log_in(const iscsi::session_config& config, const place& at);
    std::optional<scsi::capacity> ask_capacity(const iscsi::lun_field& lun);
    scsi::logical_unit look_at(const iscsi::lun_field& lun);

    const session_key session_;
    std::unique_ptr<load> load_; // outlives the lane
    std::unique_ptr<iscsid::lane::lane> lane_;
    scsi::logical_unit unit_;
};

void side::log_in(const iscsi::session_config& config, const place& at) {
    const auto watch = std::make_shared<login_watch>();
    iscsi::session fresh(config);
    fresh.start(clock_type::now());
    while (fresh.poll_event()) { // want_transport: it has its socket
    }
    lane_->adopt(session_, std::move(fresh), -1, [watch](const iscsid::lane::note& what) {
        (*watch)(what);
    });
    lane_->transport(session_, connect_to(at));
    if (const auto why_not = watch->wait(); !why_not.empty())
        throw std::runtime_error(why_not);
}

std::optional<scsi::capacity> side::ask_capacity(const iscsi::lun_field& lun) {
    std::array<std::byte, 32> room{};
    iscsi::command question;
    question.lun = lun;
    question.cdb = scsi::read_capacity_16(room.size());
    question.data_in = room;
    std::promise<iscsid::lane::scsi_outcome> ended;
    lane_->execute(session_, question, [&](iscsid::lane::scsi_outcome what) {
        ended.set_value(std::move(what));
    });
    const auto said = ended.get_future().get();
    if (said.done.outcome != iscsi::task_result::answered || said.done.status != 0)
        return std::nullopt;
    const auto read = scsi::read_capacity_16_data(said.data);
    return read ? std::optional(*read) : std::nullopt;
}

// The first answers of a unit may be attentions.
scsi::logical_unit side::look_at(const iscsi::lun_field& lun) {
    constexpr int tries = 8;
    for (int i = 0; i < tries; ++i)
        if (const auto is = ask_capacity(lun)) {
            scsi::logical_unit unit;
            unit.block_count = is->block_count;
            unit.block_size = is->block_size;
            return unit;
        }
    throw std::runtime_error("READ CAPACITY(16) fails");
}

// ---- all of it ----------------------------------------------------------------------------------

// The sessions of one disk share its fence, as the queues of a ublk disk do.
outcome measure(const options& chosen) {
    const place at = place_of(chosen.url);
    std::vector<std::unique_ptr<side>> sides;
    for (session_key session = 1; session <= chosen.lanes; ++session)
        sides.push_back(std::make_unique<side>(chosen, at, session));
    const auto fence = sides.size() > 1 ? std::make_shared<iscsid::lane::write_fence>() : nullptr;
    for (std::size_t n = 0; n < sides.size(); ++n)
        sides[n]->start(chosen, at.lun, {fence, n});
    outcome all;
    for (const auto& each : sides)
        all.add(each->end());
    return all;
}

int print(const outcome& what) {
    const auto requests = static_cast<double>(what.requests);
    std::printf(
        R"({"requests": %llu, "failed": %llu, "iops": %.1f, "p50_us": %.1f, "p99_us": %.1f, "p99.9_us": %.1f, "calls": %.3f})"
        "\n",
        static_cast<unsigned long long>(what.requests),
        static_cast<unsigned long long>(what.failed),
        requests / what.seconds,
        what.times.at(0.5),
        what.times.at(0.99),
        what.times.at(0.999),
        static_cast<double>(what.system_calls) / requests
    );
    return what.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return print(measure(parse(argc, argv)));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "engine_bench: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
