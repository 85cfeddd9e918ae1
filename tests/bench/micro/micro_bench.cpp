// The hot functions without I/O: digests, PDUs, and a session from submit() to task_done with a
// target that is a few stores. Run by tests/bench/micro/measure.py; options are google-benchmark's.
//   micro_bench --turns N DEPTH: so often DEPTH reads of 4 KiB by that session, and nothing else;
//   for callgrind.
#include "tests/support/pair.hpp"

#include "libiscsi/base/crc32c.hpp"
#include "libiscsi/core/pdu/framer.hpp"

#include <benchmark/benchmark.h>

#include <cstring>
#include <stdexcept>

namespace {

constexpr std::size_t kib = 1024;
constexpr std::uint32_t page = 4096;

// ---- digests ------------------------------------------------------------------------------------

void digest(benchmark::State& state, const iscsi::crc32c_form& form) {
    const std::vector<std::byte> data(static_cast<std::size_t>(state.range(0)), std::byte{0x5a});
    for (auto _ : state)
        benchmark::DoNotOptimize(form.digest(data, 0));
    state.SetBytesProcessed(state.iterations() * state.range(0));
}

void copy_and_digest(benchmark::State& state) {
    const std::vector<std::byte> from(static_cast<std::size_t>(state.range(0)), std::byte{0x5a});
    std::vector<std::byte> to(from.size());
    for (auto _ : state)
        benchmark::DoNotOptimize(iscsi::copy_with_crc32c(to, from));
    state.SetBytesProcessed(state.iterations() * state.range(0));
}

// ---- PDUs ---------------------------------------------------------------------------------------

iscsi::data_in whole_answer() {
    iscsi::data_in answer;
    answer.final = answer.has_status = true;
    answer.initiator_task_tag = 0x00010002;
    return answer;
}

void encode_command(benchmark::State& state) {
    iscsi::scsi_command command;
    command.final = command.read = true;
    command.expected_data_transfer_length = page;
    const iscsi::initiator_pdu pdu = command;
    iscsi::basic_header header{};
    for (auto _ : state) {
        iscsi::encode(pdu, 0, header);
        benchmark::DoNotOptimize(header);
    }
}

void decode_data_in(benchmark::State& state) {
    iscsi::basic_header header{};
    iscsi::encode(iscsi::target_pdu(whole_answer()), page, header);
    for (auto _ : state)
        benchmark::DoNotOptimize(iscsi::decode_target(header));
}

// What arrives in one receive: Data-In of `segment` bytes, 64 KiB in all or one.
void cut_stream(benchmark::State& state, bool digests) {
    const auto segment = static_cast<std::uint32_t>(state.range(0));
    iscsi::framer cutter(256 * kib);
    cutter.restart();
    cutter.adopt({.header_digest = digests, .data_digest = digests, .longest_segment = 256 * kib});
    iscsi::basic_header header{};
    iscsi::encode(iscsi::target_pdu(whole_answer()), segment, header);
    std::vector<std::byte> pdu(header.begin(), header.end());
    const auto add_digest = [&pdu](std::uint32_t crc) {
        for (unsigned shift = 0; shift < 32; shift += 8)
            pdu.push_back(static_cast<std::byte>(crc >> shift));
    };
    if (digests)
        add_digest(iscsi::crc32c(header));
    const std::vector<std::byte> data(segment, std::byte{0x5a});
    pdu.insert(pdu.end(), data.begin(), data.end());
    if (digests)
        add_digest(iscsi::crc32c(data));
    const std::size_t count = std::max<std::size_t>(1, 64 * kib / segment);
    std::vector<std::byte> stream;
    for (std::size_t i = 0; i < count; ++i)
        stream.insert(stream.end(), pdu.begin(), pdu.end());
    std::vector<std::byte> to(segment);
    for (auto _ : state) {
        for (std::size_t at = 0; at < stream.size();) {
            std::size_t n = 0;
            for (const auto part : cutter.read_plan()) {
                const auto some = std::min(part.size(), stream.size() - at);
                std::memcpy(part.data(), stream.data() + at, some);
                at += some;
                n += some;
            }
            cutter.received(n);
            for (auto what = cutter.next(); *what != iscsi::framing::starved; what = cutter.next())
                if (*what == iscsi::framing::header)
                    cutter.place(to);
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}

// ---- a session ----------------------------------------------------------------------------------

// Logged in at a memory_target, which then gives way to answers made by hand: what is left to see
// is the session.
class talking_session {
  public:
    explicit talking_session(std::uint16_t depth)
        : world_(config_for(depth))
        , target_(options_for(depth), {.size = 16 * kib * kib})
        , memory_(page) {
        iscsi::test::pair wire(world_, target_);
        if (!wire.log_in())
            throw std::runtime_error("no login");
    }

    // `depth` commands from submit() to their ends; gives how many ended well.
    unsigned turn(unsigned depth, bool writes) {
        for (unsigned i = 0; i < depth; ++i)
            submit(writes);
        take_commands(writes);
        deliver();
        unsigned good = 0;
        while (const auto event = engine().poll_event())
            if (const auto* const end = std::get_if<iscsi::task_done>(&*event))
                good += end->outcome == iscsi::task_result::answered && end->status == 0 ? 1 : 0;
        return good;
    }

  private:
    static iscsi::session_config config_for(std::uint16_t depth) {
        auto config = iscsi::test::world_config();
        config.commands_max = config.unit_commands_max = std::max<std::uint16_t>(depth, 32);
        config.staging_size = 256 * kib;
        return config;
    }

    static iscsi::test::target_options options_for(std::uint16_t depth) {
        iscsi::test::target_options options;
        options.command_window = std::max<std::uint32_t>(depth, 32);
        return options;
    }

    iscsi::session& engine() { return world_.engine(); }

    void submit(bool writes) {
        iscsi::command what;
        what.cdb[0] = writes ? std::byte{0x8a} : std::byte{0x88}; // WRITE(16), READ(16)
        iscsi::store_be32(what.cdb.data() + 10, page / 512);
        if (writes)
            what.data_out = memory_;
        else
            what.data_in = memory_;
        what.timeout = std::chrono::seconds(30);
        if (!engine().submit(what, world_.now()))
            throw std::runtime_error("no slot");
    }

    // Reads what leaves as a target does, and makes the answers.
    void take_commands(bool writes) {
        answers_.clear();
        std::size_t all = 0;
        do {
            all = 0;
            for (const auto part : engine().write_plan()) {
                all += part.size();
                take(part, writes);
            }
            engine().sent(all, world_.now());
        } while (all > 0);
    }

    void take(iscsi::bytes_view part, bool writes) {
        while (!part.empty()) {
            const bool is_header = data_to_come_ == 0;
            const auto some = is_header ? iscsi::bhs_size : std::min(data_to_come_, part.size());
            if (some > part.size())
                throw std::runtime_error("a header in two pieces");
            if (is_header)
                data_to_come_ = answer(part.first(some), writes);
            else
                data_to_come_ -= some;
            part = part.subspan(some);
        }
    }

    // Gives the length of the data that follow. A ping stands between commands now and then.
    std::size_t answer(iscsi::bytes_view header, bool writes) {
        const bool is_ping = (header[0] & std::byte{0x3f}) == std::byte{};
        if (status_ == 0)
            status_ = iscsi::load_be32(header.data() + 28);
        if (is_ping)
            add(iscsi::nop_in{}, header, 0);
        else if (writes)
            add(iscsi::scsi_response{}, header, 0);
        else
            add(whole_answer(), header, page);
        return iscsi::load_be32(header.data() + 4) & 0xff'ffff;
    }

    template <class Answer>
    void add(Answer made, iscsi::bytes_view asked, std::uint32_t length) {
        const auto command = iscsi::load_be32(asked.data() + 24);
        made.initiator_task_tag = iscsi::load_be32(asked.data() + 16);
        made.status_sn = status_++;
        const bool is_immediate = (asked[0] & std::byte{0x40}) != std::byte{}; // §4.2.2.1
        made.expected_command_sn = is_immediate ? command : command + 1;
        made.max_command_sn = command + 256;
        iscsi::basic_header header{};
        iscsi::encode(iscsi::target_pdu(made), length, header);
        answers_.insert(answers_.end(), header.begin(), header.end());
        answers_.insert(answers_.end(), memory_.begin(), memory_.begin() + length);
    }

    void deliver() {
        for (std::size_t at = 0; at < answers_.size();) {
            std::size_t n = 0;
            for (const auto part : engine().read_plan()) {
                const auto some = std::min(part.size(), answers_.size() - at);
                std::memcpy(part.data(), answers_.data() + at, some);
                at += some;
                n += some;
            }
            if (const auto taken = engine().received(n, world_.now()); !taken)
                throw std::runtime_error(taken.error().text());
        }
    }

    iscsi::test::session_world world_;
    iscsi::test::memory_target target_;
    std::vector<std::byte> memory_;
    std::vector<std::byte> answers_;
    std::uint32_t status_ = 0;     // StatSN of the next answer
    std::size_t data_to_come_ = 0; // of the command whose header was last
};

void session_loop(benchmark::State& state, bool writes) {
    const auto depth = static_cast<unsigned>(state.range(0));
    talking_session session(static_cast<std::uint16_t>(depth));
    for (auto _ : state)
        if (session.turn(depth, writes) != depth)
            throw std::runtime_error("a command has failed");
    state.SetItemsProcessed(state.iterations() * depth);
}

void register_all() {
    for (const auto& form : iscsi::crc32c_forms()) {
        if (!form.available)
            continue;
        auto* const made = benchmark::RegisterBenchmark(
            ("crc32c " + std::string(form.name)).c_str(), digest, form
        );
        for (const std::int64_t size : {48, 512, 4096, 65536, 1048576})
            made->Arg(size);
    }
    benchmark::RegisterBenchmark("copy_with_crc32c", copy_and_digest)->Arg(4096)->Arg(1048576);
    benchmark::RegisterBenchmark("encode SCSI Command", encode_command);
    benchmark::RegisterBenchmark("decode Data-In", decode_data_in);
    benchmark::RegisterBenchmark("cut Data-In", cut_stream, false)->Arg(4096)->Arg(262144);
    benchmark::RegisterBenchmark("cut Data-In with digests", cut_stream, true)
        ->Arg(4096)
        ->Arg(262144);
    for (const bool writes : {false, true})
        benchmark::RegisterBenchmark(
            writes ? "session write" : "session read", session_loop, writes
        )
            ->Arg(1)
            ->Arg(32);
}

void read_only(unsigned turns, unsigned depth) {
    talking_session session(static_cast<std::uint16_t>(depth));
    for (unsigned i = 0; i < turns; ++i)
        if (session.turn(depth, false) != depth)
            throw std::runtime_error("a command has failed");
}

} // namespace

int main(int argc, char** argv) {
    if (argc == 4 && std::string_view(argv[1]) == "--turns") {
        read_only(
            static_cast<unsigned>(std::stoul(argv[2])), static_cast<unsigned>(std::stoul(argv[3]))
        );
        return EXIT_SUCCESS;
    }
    register_all();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return EXIT_FAILURE;
    benchmark::RunSpecifiedBenchmarks();
    return EXIT_SUCCESS;
}
