#include "tests/support/steady_link.hpp"

#include "tests/support/pair.hpp"

#include <algorithm>
#include <cstdio>

namespace iscsi::test {
namespace {

constexpr std::uint32_t block_size = 512;

// Submits so that `depth` commands are under way, all on the same memory: nobody looks at it.
class load_generator {
  public:
    load_generator(session_world& world, const steady_load& load)
        : world_(world), load_(load), memory_(load.size) {
        world_.foreign_done = [this](const task_done& end) { on_done(end); };
    }

    void fill() {
        while (submitted_ < load_.commands && submitted_ - ended_ < load_.depth && submit_one())
            ++submitted_;
    }

    bool is_over() const { return ended_ == load_.commands; }

    unsigned errors() const { return errors_; }

  private:
    bool submit_one() {
        command what;
        what.cookie = session_world::first_foreign_cookie + submitted_;
        what.cdb[0] = load_.writes ? std::byte{0x8a} : std::byte{0x88}; // WRITE(16), READ(16)
        store_be64(what.cdb.data() + 2, std::uint64_t{submitted_} * load_.size / block_size);
        store_be32(what.cdb.data() + 10, load_.size / block_size);
        if (load_.writes)
            what.data_out = memory_;
        else
            what.data_in = memory_;
        what.timeout = command_limit;
        return world_.engine().submit(what, world_.now()).has_value();
    }

    void on_done(const task_done& end) {
        ++ended_;
        const bool good = end.outcome == task_result::answered && end.status == 0 &&
                          end.response == 0 && end.transferred == load_.size;
        errors_ += good ? 0 : 1;
    }

    static constexpr duration command_limit = std::chrono::seconds(30); // as the lane has it

    session_world& world_;
    const steady_load& load_;
    std::vector<std::byte> memory_;
    unsigned submitted_ = 0;
    unsigned ended_ = 0;
    unsigned errors_ = 0;
};

session_config config_for(const steady_load& load) {
    auto config = world_config();
    config.commands_max = static_cast<std::uint16_t>(std::max(load.depth, 32U));
    config.staging_size = 256 * 1024;
    return config;
}

target_options options_for(const steady_load& load) {
    target_options options;
    options.null = true;
    options.command_window = std::max(load.depth, 32U);
    options.wants.max_recv_data_segment_length = 256 * 1024;
    options.wants.max_burst_length = 1024 * 1024;
    return options;
}

double seconds_of(instant::duration time) {
    return std::chrono::duration<double>(time).count();
}

} // namespace

steady_outcome run_steady(const steady_load& load) {
    memory_target target(options_for(load), {.size = block_size});
    session_world world(config_for(load));
    pair wire(world, target);
    steady_outcome outcome;
    if (!wire.log_in()) {
        outcome.errors = load.commands;
        return outcome;
    }
    wire.set_rate(load.rate);
    const auto begin = world.now();
    const std::uint64_t before = target.logins();
    load_generator generator(world, load);
    const auto limit = begin + std::chrono::hours(24);
    generator.fill();
    world.drain();
    while (!generator.is_over() && wire.step(limit)) {
        generator.fill();
        world.drain();
    }
    const double payload = static_cast<double>(load.size) * load.commands;
    outcome.seconds = seconds_of(world.now() - begin);
    outcome.ideal = payload / static_cast<double>(load.rate);
    outcome.errors = generator.is_over() ? generator.errors() : load.commands;
    outcome.aborts = world.engine().statistics().tmfcmd_pdus;
    outcome.logins = target.logins() - before;
    outcome.broken_rules = target.complaints().size();
    return outcome;
}

std::string name_of(const steady_load& load) {
    char text[80];
    std::snprintf(
        text,
        sizeof text,
        "%-5s %6llu KiB/s  depth %3u x %4u KiB",
        load.writes ? "write" : "read",
        static_cast<unsigned long long>(load.rate / 1024),
        load.depth,
        load.size / 1024
    );
    return text;
}

} // namespace iscsi::test
