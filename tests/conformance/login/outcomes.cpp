#include "tests/conformance/login/words.hpp"

// Status classes (RFC 7143 §11.13.5) and what a target may do at any step. The laboratory lists
// these without numbers; those from 24 on are ours.
namespace iscsi::test {
namespace {

void ends_with(std::uint8_t status_class, std::uint8_t detail, login_verdict verdict) {
    script()
        .expect(a<login_request>())
        .give(status_answer(status_class, detail))
        .expect_event<login_failed>([=](const login_failed& how) {
            EXPECT_EQ(how.verdict, verdict) << int{status_class} << '/' << int{detail};
            EXPECT_EQ(how.status_class, status_class);
            EXPECT_EQ(how.status_detail, detail);
        })
        .expect_event<want_close>()
        .run(quiet_config());
}

script redirected(std::uint8_t detail, const std::string& address, bool permanent) {
    return script()
        .expect(a<login_request>())
        .give(status_answer(1, detail), text_pairs{{"TargetAddress", address}})
        .expect_event<want_close>()
        .act([=](session_world& world) {
            world.lose_transport();
            const auto wish = world.take_event<want_transport>();
            ASSERT_TRUE(wish && wish->redirect);
            EXPECT_EQ(wish->redirect->host, "10.0.0.9");
            EXPECT_EQ(wish->redirect->port, 3261);
            EXPECT_EQ(wish->redirect_is_permanent, permanent);
            world.engine().transport_up(world.now());
        });
}

CONFORMANCE(LOGIN, "24.1", "Status class 0: success") {
    login_answered({}).expect_event<logged_in>().run(quiet_config());
}

CONFORMANCE(LOGIN, "24.2", "Status class 1: redirection, temporary and permanent") {
    for (const bool permanent : {false, true})
        redirected(permanent ? 2 : 1, "10.0.0.9:3261,1", permanent)
            .expect(a<login_request>().with(
                "TSIH", &login_request::target_session_identifying_handle, 0
            ))
            .give(last_answer(), script::usual_answers())
            .expect_event<logged_in>()
            .run(quiet_config());
}

CONFORMANCE(LOGIN, "24.2", "Status class 1: redirection, temporary and permanent") {
    for (const text_pairs& address :
         {text_pairs{}, text_pairs{{"TargetAddress", ""}}, text_pairs{{"TargetAddress", ":1"}}})
        script()
            .expect(a<login_request>())
            .give(status_answer(1, 1), address)
            .expect_event<login_failed>(fails_with(login_errc::bad_redirect))
            .run(quiet_config());
}

CONFORMANCE(LOGIN, "24.3", "Redirection in a circle") {
    session_world world(quiet_config());
    world.engine().start(world.now());
    world.drain();
    std::size_t connections = 0;
    while (world.take_event<want_transport>() && connections < 100) {
        ++connections;
        world.engine().transport_up(world.now());
        world.take_sent(SIZE_MAX);
        auto answer = status_answer(1, 1);
        answer.isid = quiet_config().isid;
        const auto text = format_text({{"TargetAddress", "10.0.0.9:3261"}});
        basic_header header;
        encode(target_pdu(answer), static_cast<std::uint32_t>(text.size()), header);
        std::vector<std::byte> bytes;
        append_pdu(bytes, header, std::as_bytes(std::span(text)), {});
        ASSERT_TRUE(world.deliver(bytes));
        if (world.take_event<want_close>())
            world.lose_transport();
        world.drain();
    }
    EXPECT_GT(connections, 2U);
    EXPECT_LT(connections, 20U);
    EXPECT_TRUE(world.take_event<login_failed>());
}

CONFORMANCE(LOGIN, "24.4", "Status class 2: initiator error") {
    ends_with(2, 1, login_verdict::authentication);
    ends_with(2, 2, login_verdict::authentication);
    for (const unsigned detail : {0U, 3U, 4U, 5U, 6U, 7U, 8U, 9U, 10U, 11U})
        ends_with(2, static_cast<std::uint8_t>(detail), login_verdict::fatal);
}

CONFORMANCE(LOGIN, "24.5", "Status class 3: target error, and another try with a pause") {
    for (const unsigned detail : {0U, 1U, 2U})
        ends_with(3, static_cast<std::uint8_t>(detail), login_verdict::retry);
    script()
        .expect(a<login_request>())
        .give(status_answer(3, 1))
        .expect_event<want_close>()
        .act([](session_world& world) { world.lose_transport(); })
        .pass(std::chrono::milliseconds(999)) // never a tight loop
        .act([](session_world& world) { EXPECT_FALSE(world.take_event<want_transport>()); })
        .pass(std::chrono::seconds(2))
        .expect(a<login_request>())
        .give(last_answer(), script::usual_answers())
        .expect_event<logged_in>()
        .run(quiet_config());
}

CONFORMANCE(LOGIN, "24.6", "Status class that nobody has defined") {
    ends_with(4, 0, login_verdict::fatal);
    ends_with(0xff, 0xff, login_verdict::fatal);
}

CONFORMANCE(LOGIN, "25.1", "Vendor keys (X-)") {
    offer_is_answered({"X-org.example.colour", "blue"}, "NotUnderstood");
}

CONFORMANCE(LOGIN, "25.2", "Continuation (C bit), keys cut at every byte") {
    const auto text = as_segment(format_text(script::usual_answers()));
    auto more = operational_answer();
    more.continues = true;
    for (std::size_t cut = 1; cut < text.size(); ++cut)
        script()
            .expect(a<login_request>())
            .give(more, slice(text, 0, cut))
            .expect(a<login_request>() // §6.2: nothing but "go on"
                        .with("T", &login_request::transit, false)
                        .data_size(0))
            .give(operational_answer(), slice(text, cut, text.size() - cut))
            .expect(a<login_request>().with("T", &login_request::transit, true).data_size(0))
            .give(last_answer())
            .expect_event<logged_in>()
            .run(quiet_config());
}

CONFORMANCE(LOGIN, "25.3", "Keys without a value, a NUL or an equals sign") {
    using namespace std::string_literals;
    for (const auto& text : {"ImmediateData"s, "=Yes\0"s, "Imm\x01=Yes\0"s})
        script()
            .expect(a<login_request>())
            .give(operational_answer(), as_segment(text))
            .expect_event<login_failed>([](const login_failed& how) {
                EXPECT_EQ(how.verdict, login_verdict::fatal);
            })
            .run(quiet_config());
}

CONFORMANCE(LOGIN, "25.4", "Irrelevant, Reject and NotUnderstood as answers") {
    login_answered({{"InitialR2T", "Irrelevant"}}).expect_event<logged_in>().run(quiet_config());
    answer_is_refused({{"MaxBurstLength", "Reject"}}, login_errc::key_rejected);
}

session_config insisting() {
    auto config = quiet_config();
    config.auth.outgoing = {"alice", "secret-of-alice-1"};
    config.auth.incoming = {"disk", "secret-of-disk-22"};
    return config;
}

CONFORMANCE(LOGIN, "26.1", "Security stage skipped by the target") {
    auto jump = last_answer();
    jump.current_stage = login_stage::security_negotiation;
    script()
        .expect(a<login_request>().with(
            "CSG", &login_request::current_stage, login_stage::security_negotiation
        ))
        .give(jump, script::usual_answers())
        .expect_event<login_failed>()
        .run(insisting());
}

CONFORMANCE(LOGIN, "26.2", "Security stage forced by the target") {
    script() // without credentials there is nothing to answer with (§12.1)
        .expect(a<login_request>())
        .give(operational_answer(), text_pairs{{"AuthMethod", "CHAP"}})
        .expect_event<login_failed>(fails_with(login_errc::authentication_method_unsupported))
        .run(quiet_config());
}

CONFORMANCE(LOGIN, "27.1", "A Reject in the login phase") {
    script()
        .expect(a<login_request>())
        .give_exactly(reject{.reason = 4}, std::vector<std::byte>(48))
        .expect_event<login_failed>()
        .run(quiet_config());
}

CONFORMANCE(LOGIN, "27.2", "A Login Response in full feature phase") {
    script()
        .log_in()
        .give(last_answer())
        .expect_fault(session_errc::unexpected_pdu)
        .run(quiet_config());
}

CONFORMANCE(LOGIN, "27.3", "An early close at each step") {
    script()
        .expect(a<login_request>())
        .give(operational_answer())
        .expect(a<login_request>())
        .give(last_answer(), script::usual_answers())
        .expect_event<logged_in>()
        .lose_transport_at_each_step()
        .run(quiet_config());
}

CONFORMANCE(LOGIN, "27.4", "Silence at each step") {
    const auto given_up = [](session_world& world) {
        const auto failed = world.take_event<login_failed>();
        ASSERT_TRUE(failed);
        EXPECT_EQ(failed->why.code, to_error_code(session_errc::login_timeout));
        EXPECT_TRUE(world.take_event<want_close>());
    };
    const auto timeout = quiet_config().timeouts.login;
    script().expect(a<login_request>()).pass(timeout).act(given_up).run(quiet_config());
    script()
        .expect(a<login_request>())
        .pass(timeout / 2)
        .give(operational_answer())
        .expect(a<login_request>())
        .pass(timeout / 2) // the whole login has one time
        .act(given_up)
        .run(quiet_config());
}

CONFORMANCE(LOGIN, "27.5", "A login without end") {
    session_world world(quiet_config());
    world.engine().start(world.now());
    world.engine().transport_up(world.now());
    world.drain();
    std::size_t exchanges = 0;
    for (; !world.take_event<login_failed>() && exchanges < 1000; ++exchanges) {
        const auto sent = world.take_sent(SIZE_MAX);
        ASSERT_GE(sent.size(), 48U);
        basic_header asked;
        std::copy_n(sent.begin(), asked.size(), asked.begin());
        const auto request = std::get<login_request>(decode_initiator(asked).value());
        auto answer = operational_answer();
        answer.isid = request.isid;
        answer.initiator_task_tag = request.initiator_task_tag;
        answer.status_sn = static_cast<std::uint32_t>(exchanges);
        basic_header header;
        encode(target_pdu(answer), 0, header);
        (void)world.deliver(header);
        world.drain();
    }
    EXPECT_LT(exchanges, 100U);
}

} // namespace
} // namespace iscsi::test
