// A login, with and without CHAP, against arbitrary Login Responses. Full feature phase must not be
// reached without the proof that mutual CHAP demands.
#include "tests/fuzz/fuzz.hpp"

#include "libiscsi/core/login/login.hpp"

#include <string>

namespace {

using namespace iscsi;

session_config config_of(std::uint8_t mode) {
    session_config config;
    config.initiator_name = "iqn.2026-01.org.example:initiator";
    config.target_name = "iqn.2026-01.org.example:target";
    if ((mode & 1U) != 0)
        config.auth.outgoing = {"alice", "secret-of-alice-1"};
    if ((mode & 2U) != 0)
        config.auth.incoming = {"disk", "secret-of-disk-22"};
    if ((mode & 4U) != 0)
        config.offer.header_digest = config.offer.data_digest = {digest::crc32c, digest::none};
    return config;
}

constexpr std::string_view part_of_secrets = "secret-of-";

class attempt {
  public:
    explicit attempt(std::uint8_t mode)
        : config_(config_of(mode)), login_(config_, 0, 0), asked_(login_.first().request) {}

    // One response: a byte of flags, status class and detail, and the text up to a 0xff byte.
    // False: the login is over.
    bool answer(bytes_view& input) {
        login_response response;
        const auto flags = std::to_integer<std::uint8_t>(input[0]);
        response.transit = (flags & 1U) != 0;
        response.continues = (flags & 2U) != 0;
        response.current_stage =
            (flags & 4U) != 0 ? asked_.current_stage : login_stage(flags >> 6U);
        response.next_stage = (flags & 8U) != 0 ? asked_.next_stage : login_stage(flags >> 5U & 3U);
        response.isid = config_.isid;
        response.initiator_task_tag = asked_.initiator_task_tag;
        response.target_session_identifying_handle = (flags & 16U) != 0 ? 1 : 0;
        input = input.subspan(1);
        if (flags == 0xee && input.size() >= 2) {
            response.status_class = std::to_integer<std::uint8_t>(input[0]);
            response.status_detail = std::to_integer<std::uint8_t>(input[1]);
        }
        const auto text = cut_text(input);
        said_ += text_of(text);
        return take(login_.on_response(response, text));
    }

  private:
    // What the target itself says may be shown, also when it is that, in one text or over several.
    bool leaks(std::string_view text) const {
        return text.find(part_of_secrets) != std::string_view::npos &&
               said_.find(part_of_secrets) == std::string::npos;
    }

    static bytes_view cut_text(bytes_view& input) {
        const auto end = std::find(input.begin(), input.end(), std::byte{0xff});
        const auto text = input.first(static_cast<std::size_t>(end - input.begin()));
        input = input.subspan(std::min(input.size(), text.size() + 1));
        return text;
    }

    bool take(const result<login_step>& step) {
        if (step.has_error()) {
            expect(!leaks(step.error().text()), "a secret shown");
            return false;
        }
        if (const auto* const next = std::get_if<login_send>(&*step)) {
            asked_ = next->request;
            expect(!leaks(next->data), "a secret sent");
            return true;
        }
        if (const auto* const wish = std::get_if<login_wants_entropy>(&*step)) {
            expect(wish->bytes > 0 && wish->bytes <= 33, "a wish for entropy");
            return take(login_.entropy(std::vector<std::byte>(wish->bytes, std::byte{0x5a})));
        }
        if (const auto* const done = std::get_if<login_complete>(&*step)) {
            // The proof is a digest that no input of this length hits by chance.
            expect(config_.auth.incoming.secret.empty(), "in without the target's proof");
            const auto& agreed = done->parameters;
            expect(agreed.max_xmit_data_segment_length >= 512, "MaxRecvDataSegmentLength");
            expect(agreed.first_burst_length <= agreed.max_burst_length, "FirstBurstLength");
            expect(agreed.max_outstanding_r2t >= 1, "MaxOutstandingR2T");
        }
        return false;
    }

    std::string said_;
    session_config config_;
    login login_;
    login_request asked_;
};

} // namespace

void fuzz_one(iscsi::bytes_view input) {
    if (input.empty())
        return;
    attempt one(std::to_integer<std::uint8_t>(input[0]));
    for (input = input.subspan(1); !input.empty();)
        if (!one.answer(input))
            return;
}
