// The framer on a stream cut anywhere, against the same stream in one piece, with and without
// digests: the same PDUs and the same end must come out.
#include "libiscsi/core/pdu/framer.hpp"

#include "tests/fuzz/fuzz.hpp"

#include <string>
#include <vector>

namespace {

constexpr std::size_t staging = 8192;
constexpr std::uint32_t longest_segment = 16384;

// What came out, as one text: headers, segments, and the fault.
class reading {
  public:
    reading(std::uint8_t mode) : framer_(staging), mode_(mode), place_(longest_segment) {
        framer_.adopt({(mode & 1U) != 0, (mode & 2U) != 0, longest_segment});
    }

    // False: the stream is over.
    bool feed(iscsi::bytes_view bytes, std::size_t most) {
        while (!bytes.empty()) {
            const auto taken = copy_to_plan(bytes.first(std::min(most, bytes.size())));
            expect(taken > 0, "a plan for the next bytes");
            bytes = bytes.subspan(taken);
            framer_.received(taken);
            if (!cut())
                return false;
        }
        return true;
    }

    std::string outcome;

  private:
    std::size_t copy_to_plan(iscsi::bytes_view bytes) {
        std::size_t taken = 0;
        for (const auto room : framer_.read_plan()) {
            const auto n = std::min(room.size(), bytes.size() - taken);
            std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(taken), n, room.begin());
            taken += n;
        }
        return taken;
    }

    bool cut() {
        for (;;) {
            const auto step = framer_.next();
            if (step.has_error()) {
                outcome += step.error().text();
                return false;
            }
            if (*step == iscsi::framing::starved)
                return true;
            if (*step == iscsi::framing::header)
                on_header();
            else
                on_pdu();
        }
    }

    void on_header() {
        const auto& header = framer_.header();
        outcome.append(reinterpret_cast<const char*>(header.data()), header.size());
        expect(framer_.segment_length() <= longest_segment, "a segment within the limit");
        placed_ = (mode_ & 4U) != 0;
        if (placed_)
            framer_.place(std::span(place_).first(framer_.segment_length()));
        else if ((mode_ & 8U) != 0)
            framer_.discard();
    }

    void on_pdu() {
        const auto data = placed_ ? iscsi::bytes_view(place_).first(framer_.segment_length())
                                  : framer_.kept_segment();
        outcome.append(reinterpret_cast<const char*>(data.data()), data.size());
        outcome += '|';
    }

    iscsi::framer framer_;
    std::uint8_t mode_;
    std::vector<std::byte> place_;
    bool placed_ = false;
};

} // namespace

void fuzz_one(iscsi::bytes_view input) {
    if (input.size() < 2)
        return;
    const auto mode = std::to_integer<std::uint8_t>(input[0]);
    const auto piece = std::size_t{1} + std::to_integer<std::uint8_t>(input[1]);
    reading whole(mode);
    reading pieces(mode);
    whole.feed(input.subspan(2), SIZE_MAX);
    pieces.feed(input.subspan(2), piece);
    expect(whole.outcome == pieces.outcome, "the same PDUs however the stream is cut");
}
