#include "tests/unit/core/session/peer.hpp"

#include "libiscsi/core/login/chap.hpp"
#include "libiscsi/core/login/login.hpp"

#include <gtest/gtest.h>

// Mutual CHAP through the whole engine: the challenge is drawn outside of it.
namespace iscsi::test {
namespace {

constexpr auto target_secret = "secret-of-disk-22";

session_config mutual_config() {
    auto config = plain_config();
    config.auth.outgoing = {"alice", "secret-of-alice-1"};
    config.auth.incoming = {"disk", target_secret};
    return config;
}

// The target's side of the dialogue.
class mutual_chap : public testing::Test {
  protected:
    void answer(const text_pairs& text) {
        const auto request = target.hear_one<login_request>(&heard);
        login_response response;
        response.current_stage = request.current_stage;
        response.transit = request.transit;
        response.next_stage = request.next_stage;
        response.isid = request.isid;
        response.initiator_task_tag = request.initiator_task_tag;
        const bool last = request.transit && request.next_stage == login_stage::full_feature;
        response.target_session_identifying_handle = last ? 1 : 0;
        const auto raw = format_text(text);
        const auto bytes = std::as_bytes(std::span(raw));
        ASSERT_TRUE(target.say(response, {bytes.begin(), bytes.end()}).has_value());
    }

    // Up to the request that carries our challenge.
    void authenticate() {
        target.session_under_test.start(target.now);
        target.connect();
        answer({{"AuthMethod", "CHAP"}});
        answer({{"CHAP_A", "5"}, {"CHAP_I", "1"}, {"CHAP_C", "0x00112233445566778899"}});
        EXPECT_TRUE(target.silent());
        const auto wish = target.expect_event<want_entropy>();
        target.session_under_test.provide_entropy(buffer(wish.bytes, std::byte{0x5a}), target.now);
    }

    static text_pairs proof(const char* secret) {
        const buffer challenge(digest_size(chap_algorithm::md5), std::byte{0x5a});
        const auto response = chap_response(chap_algorithm::md5, 0x5a, secret, challenge);
        return {{"CHAP_N", "disk"}, {"CHAP_R", format_chap_binary(response.value())}};
    }

    peer target{mutual_config()};
    buffer heard;
};

TEST_F(mutual_chap, logs_in) {
    authenticate();
    answer(proof(target_secret));
    answer({});
    EXPECT_FALSE(target.expect_event<logged_in>().again);
}

TEST_F(mutual_chap, a_target_that_cannot_prove_itself_is_left_for_good) {
    authenticate();
    answer(proof("another-secret-3"));
    const auto failed = target.expect_event<login_failed>();
    EXPECT_EQ(failed.verdict, login_verdict::fatal);
    EXPECT_EQ(failed.why.code, to_error_code(login_errc::chap_failed));
    EXPECT_EQ(failed.why.text().find(target_secret), std::string::npos);
}

} // namespace
} // namespace iscsi::test
