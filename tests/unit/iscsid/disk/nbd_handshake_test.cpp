#include "iscsid/disk/nbd_handshake.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace {

using namespace iscsid::disk;
using phase = nbd_handshake::phase;
using bytes = std::vector<std::byte>;

// The numbers of proto.md, written here a second time on purpose.
constexpr std::uint32_t opt_export_name = 1;
constexpr std::uint32_t opt_abort = 2;
constexpr std::uint32_t opt_list = 3;
constexpr std::uint32_t opt_peek_export = 4;
constexpr std::uint32_t opt_starttls = 5;
constexpr std::uint32_t opt_info = 6;
constexpr std::uint32_t opt_go = 7;
constexpr std::uint32_t opt_structured_reply = 8;
constexpr std::uint32_t opt_list_meta_context = 9;
constexpr std::uint32_t opt_set_meta_context = 10;

constexpr std::uint32_t rep_ack = 1;
constexpr std::uint32_t rep_server = 2;
constexpr std::uint32_t rep_info = 3;
constexpr std::uint32_t err_unsup = 0x80000001;
constexpr std::uint32_t err_policy = 0x80000002;
constexpr std::uint32_t err_invalid = 0x80000003;
constexpr std::uint32_t err_unknown = 0x80000006;

constexpr std::uint32_t both_flags = 3;
constexpr std::uint32_t only_fixed_newstyle = 1;

bytes of_text(std::string_view text) {
    const auto view = std::as_bytes(std::span(text));
    return {view.begin(), view.end()};
}

template <std::size_t Size>
bytes be(std::uint64_t value) {
    bytes field(Size);
    iscsi::store_be<Size>(field.data(), value);
    return field;
}

bytes joined(std::initializer_list<bytes> parts) {
    bytes whole;
    for (const bytes& part : parts)
        whole.insert(whole.end(), part.begin(), part.end());
    return whole;
}

bytes option(std::uint32_t number, const bytes& data = {}) {
    return joined({of_text("IHAVEOPT"), be<4>(number), be<4>(data.size()), data});
}

bytes question(std::string_view name, std::initializer_list<std::uint16_t> infos = {}) {
    bytes data = joined({be<4>(name.size()), of_text(name), be<2>(infos.size())});
    for (const std::uint16_t info : infos)
        data = joined({data, be<2>(info)});
    return data;
}

bytes reply(std::uint32_t to, std::uint32_t type, const bytes& data = {}) {
    return joined({be<8>(0x3e889045565a9), be<4>(to), be<4>(type), be<4>(data.size()), data});
}

nbd_export small_disk() {
    nbd_export what;
    what.name = "lun0";
    what.size = 0x12345678000;
    what.block_size = 512;
    what.preferred_block_size = 4096;
    what.largest_request = 0x2000000;
    what.can_flush = true;
    what.can_fua = true;
    return what;
}

const bytes info_export = joined({be<2>(0), be<8>(0x12345678000), be<2>(0x000d)});
const bytes info_export_with_df = joined({be<2>(0), be<8>(0x12345678000), be<2>(0x008d)});
const bytes info_block_size = joined({be<2>(3), be<4>(512), be<4>(4096), be<4>(0x2000000)});

// What a client gets for an accepted INFO or GO that asks for nothing.
bytes accepted(std::uint32_t number) {
    return joined(
        {reply(number, rep_info, info_export),
         reply(number, rep_info, info_block_size),
         reply(number, rep_ack)}
    );
}

// A client that has sent its flags and read the greeting.
struct negotiation {
    nbd_handshake server;

    explicit negotiation(std::uint32_t flags = both_flags, nbd_export what = small_disk())
        : server(std::move(what)) {
        EXPECT_TRUE(server.received(be<4>(flags)));
        server.take_output();
    }

    bytes answer_to(const bytes& sent) {
        const auto taken = server.received(sent);
        EXPECT_TRUE(taken) << taken.error().text();
        return server.take_output();
    }

    iscsi::fault fault_of(const bytes& sent) {
        const auto taken = server.received(sent);
        EXPECT_FALSE(taken);
        EXPECT_EQ(server.now(), phase::aborted);
        return taken ? iscsi::fault{} : taken.error();
    }
};

// The reply type of a single error reply, which must be whole, answer `to` and hold a text.
std::uint32_t error_in(const bytes& output, std::uint32_t to) {
    if (output.size() <= 20)
        return 0;
    const std::uint32_t type = iscsi::load_be32(output.data() + 12);
    const bytes text(output.begin() + 20, output.end());
    EXPECT_EQ(output, reply(to, type, text));
    return type;
}

TEST(nbd_handshake, greets_with_fixed_newstyle_and_no_zeroes) {
    nbd_handshake server(small_disk());
    EXPECT_EQ(server.take_output(), joined({of_text("NBDMAGICIHAVEOPT"), be<2>(3)}));
    EXPECT_TRUE(server.take_output().empty()); // taken once
    EXPECT_EQ(server.now(), phase::negotiating);
}

TEST(nbd_handshake, go_gives_size_flags_and_block_sizes_and_starts_the_transmission) {
    for (const std::string_view name : {"lun0", ""}) {
        negotiation client;
        EXPECT_EQ(client.answer_to(option(opt_go, question(name))), accepted(opt_go));
        EXPECT_EQ(client.server.now(), phase::transmission);
        EXPECT_FALSE(client.server.structured_replies());
        EXPECT_TRUE(client.server.take_rest().empty());
    }
}

TEST(nbd_handshake, info_answers_the_same_and_goes_on) {
    negotiation client;
    EXPECT_EQ(client.answer_to(option(opt_info, question("lun0"))), accepted(opt_info));
    EXPECT_EQ(client.server.now(), phase::negotiating);
    EXPECT_EQ(client.answer_to(option(opt_go, question("lun0"))), accepted(opt_go));
}

TEST(nbd_handshake, gives_name_and_description_to_those_who_ask) {
    nbd_export what = small_disk();
    what.description = "a disk";
    negotiation client(both_flags, what);
    const bytes answer = joined(
        {reply(opt_info, rep_info, info_export),
         reply(opt_info, rep_info, joined({be<2>(1), of_text("lun0")})),
         reply(opt_info, rep_info, joined({be<2>(2), of_text("a disk")})),
         reply(opt_info, rep_info, info_block_size),
         reply(opt_info, rep_ack)}
    );
    // 0 and 3 come anyway, 77 does not exist; asked in any order and even twice.
    EXPECT_EQ(client.answer_to(option(opt_info, question("", {3, 77, 2, 0, 1, 1}))), answer);
}

TEST(nbd_handshake, leaves_out_a_description_that_is_empty) {
    negotiation client;
    EXPECT_EQ(client.answer_to(option(opt_go, question("", {2}))), accepted(opt_go));
}

TEST(nbd_handshake, refuses_unknown_exports_and_goes_on) {
    negotiation client;
    for (const std::string_view name : {"lun", "lun01", "LUN0"})
        for (const std::uint32_t number : {opt_info, opt_go}) {
            const bytes answer = client.answer_to(option(number, question(name)));
            EXPECT_EQ(error_in(answer, number), err_unknown);
            EXPECT_EQ(client.server.now(), phase::negotiating);
        }
    EXPECT_EQ(client.answer_to(option(opt_go, question("lun0"))), accepted(opt_go));
}

TEST(nbd_handshake, refuses_questions_whose_lengths_do_not_fit) {
    const std::vector<bytes> malformed{
        {},
        be<4>(0),                                      // no number of requests
        joined({be<4>(0), be<1>(0)}),                  // half of it
        joined({be<4>(5), of_text("lun0"), be<2>(0)}), // the name takes a byte of it
        joined({be<4>(6), of_text("lun0"), be<2>(0)}), // and all of it
        joined({be<4>(7), of_text("lun0"), be<2>(0)}), // and more than there is
        joined({be<4>(0xffffffff), of_text("lun0"), be<2>(0)}),
        joined({be<4>(0xfffffffa), of_text("lun0"), be<2>(0)}), // 4 + 2 + it is 0
        joined({be<4>(3), of_text("lun0"), be<2>(0)}),          // the name leaves a byte over
        joined({be<4>(4), of_text("lun0"), be<2>(1)}),          // a request that is not there
        joined({be<4>(4), of_text("lun0"), be<2>(1), be<1>(0)}),
        joined({be<4>(4), of_text("lun0"), be<2>(0), be<2>(3)}), // one that is not counted
        joined({be<4>(4), of_text("lun0"), be<2>(0x8001), be<2>(3)}),
        joined({be<4>(4), of_text("lun0"), be<2>(0xffff), be<2>(3)}),
    };
    negotiation client;
    for (const bytes& data : malformed)
        for (const std::uint32_t number : {opt_info, opt_go}) {
            EXPECT_EQ(error_in(client.answer_to(option(number, data)), number), err_invalid);
            EXPECT_EQ(client.server.now(), phase::negotiating);
        }
}

TEST(nbd_handshake, export_name_is_answered_without_header_and_with_zeroes_unless_declined) {
    const bytes answer = joined({be<8>(0x12345678000), be<2>(0x000d)});
    for (const std::string_view name : {"lun0", ""}) {
        negotiation modern;
        EXPECT_EQ(modern.answer_to(option(opt_export_name, of_text(name))), answer);
        EXPECT_EQ(modern.server.now(), phase::transmission);
        negotiation older(only_fixed_newstyle);
        EXPECT_EQ(
            older.answer_to(option(opt_export_name, of_text(name))), joined({answer, bytes(124)})
        );
        EXPECT_EQ(older.server.now(), phase::transmission);
    }
}

TEST(nbd_handshake, go_sends_no_zeroes_to_anybody) {
    negotiation older(only_fixed_newstyle);
    EXPECT_EQ(older.answer_to(option(opt_go, question("lun0"))), accepted(opt_go));
}

TEST(nbd_handshake, export_name_of_an_unknown_export_ends_the_session_without_a_word) {
    negotiation client;
    EXPECT_TRUE(client.answer_to(option(opt_export_name, of_text("other"))).empty());
    EXPECT_EQ(client.server.now(), phase::aborted);
}

TEST(nbd_handshake, abort_is_acknowledged_and_ends_the_session) {
    for (const bytes& data : {bytes{}, of_text("ignored")}) {
        negotiation client;
        const bytes sent = joined({option(opt_abort, data), option(opt_list)});
        EXPECT_EQ(client.answer_to(sent), reply(opt_abort, rep_ack));
        EXPECT_EQ(client.server.now(), phase::aborted);
        EXPECT_TRUE(client.answer_to(option(opt_go, question("lun0"))).empty()); // dropped
        EXPECT_EQ(client.server.now(), phase::aborted);
        EXPECT_TRUE(client.server.take_rest().empty());
    }
}

TEST(nbd_handshake, lists_its_one_export) {
    nbd_export what = small_disk();
    for (const std::string_view description : {"", "a disk"}) {
        what.description = description;
        negotiation client(both_flags, what);
        const bytes entry = joined({be<4>(4), of_text("lun0"), of_text(description)});
        EXPECT_EQ(
            client.answer_to(option(opt_list)),
            joined({reply(opt_list, rep_server, entry), reply(opt_list, rep_ack)})
        );
        EXPECT_EQ(client.server.now(), phase::negotiating);
    }
}

TEST(nbd_handshake, agrees_on_structured_replies_and_offers_df_from_then_on) {
    negotiation client;
    EXPECT_EQ(client.answer_to(option(opt_structured_reply)), reply(opt_structured_reply, rep_ack));
    EXPECT_TRUE(client.server.structured_replies());
    const bytes answer = joined(
        {reply(opt_go, rep_info, info_export_with_df),
         reply(opt_go, rep_info, info_block_size),
         reply(opt_go, rep_ack)}
    );
    EXPECT_EQ(client.answer_to(option(opt_go, question("lun0"))), answer);

    negotiation older;
    older.answer_to(option(opt_structured_reply));
    EXPECT_EQ(
        older.answer_to(option(opt_export_name)), joined({be<8>(0x12345678000), be<2>(0x008d)})
    );
}

TEST(nbd_handshake, refuses_data_where_there_is_none) {
    negotiation client;
    for (const std::uint32_t number : {opt_list, opt_starttls, opt_structured_reply})
        EXPECT_EQ(error_in(client.answer_to(option(number, bytes(1))), number), err_invalid);
    EXPECT_FALSE(client.server.structured_replies());
    EXPECT_EQ(client.server.now(), phase::negotiating);
}

TEST(nbd_handshake, refuses_tls_and_options_it_does_not_know) {
    negotiation client;
    EXPECT_EQ(error_in(client.answer_to(option(opt_starttls)), opt_starttls), err_policy);
    for (const std::uint32_t number :
         {0U, opt_peek_export, opt_list_meta_context, opt_set_meta_context, 11U, 0xffffffffU})
        for (const bytes& data : {bytes{}, bytes(100)})
            EXPECT_EQ(error_in(client.answer_to(option(number, data)), number), err_unsup);
    EXPECT_EQ(client.server.now(), phase::negotiating);
}

TEST(nbd_handshake, drops_a_client_with_unknown_flags) {
    for (const std::uint32_t flags : {4U, 7U, 0x80000003U, 0x03000000U}) {
        nbd_handshake server(small_disk());
        const auto taken = server.received(be<4>(flags));
        ASSERT_FALSE(taken);
        EXPECT_EQ(taken.error().code, iscsi::to_error_code(nbd_errc::not_the_protocol));
        EXPECT_EQ(server.now(), phase::aborted);
    }
    nbd_handshake server(small_disk());
    const auto taken = server.received(of_text("GET / HTTP/1.1\r\n"));
    ASSERT_FALSE(taken);
    EXPECT_EQ(
        taken.error().text(),
        "client flags: not the NBD protocol, got 0x47455420, expected no bits but 0x3"
    );
}

TEST(nbd_handshake, a_client_without_fixed_newstyle_may_only_name_its_export) {
    for (const std::uint32_t number : {opt_abort, opt_list, opt_go, 99U}) {
        negotiation client(0);
        const auto fault = client.fault_of(option(number));
        EXPECT_EQ(fault.code, iscsi::to_error_code(nbd_errc::not_the_protocol));
        EXPECT_EQ(fault.got, std::to_string(number));
    }
    negotiation client(0);
    EXPECT_EQ(client.answer_to(option(opt_export_name)).size(), 134U);
}

TEST(nbd_handshake, drops_a_client_whose_option_has_no_magic) {
    negotiation client;
    const auto fault = client.fault_of(joined({of_text("IHAVEOPX"), be<4>(opt_list), be<4>(0)}));
    EXPECT_EQ(fault.code, iscsi::to_error_code(nbd_errc::not_the_protocol));
    EXPECT_EQ(fault.got, "0x49484156454f5058");
    EXPECT_EQ(fault.expected, "0x49484156454f5054");
    EXPECT_TRUE(client.answer_to(option(opt_list)).empty()); // nothing after a fault
}

TEST(nbd_handshake, takes_options_of_64_kib_and_none_longer) {
    for (const std::uint32_t number : {opt_go, opt_export_name, opt_abort, 99U})
        for (const std::uint32_t size : {65537U, 0x7fffffffU, 0xfffffff0U, 0xffffffffU}) {
            negotiation client; // the header alone is enough to say no
            const auto fault =
                client.fault_of(joined({of_text("IHAVEOPT"), be<4>(number), be<4>(size)}));
            EXPECT_EQ(fault.code, iscsi::to_error_code(nbd_errc::option_too_long));
            EXPECT_EQ(fault.got, std::to_string(size));
            EXPECT_EQ(fault.expected, "at most 65536");
        }
    negotiation client;
    EXPECT_EQ(error_in(client.answer_to(option(99, bytes(65536))), 99), err_unsup);
    const std::string long_name(65536 - 6, 'n');
    const bytes answer = client.answer_to(option(opt_go, question(long_name)));
    EXPECT_EQ(error_in(answer, opt_go), err_unknown);
}

TEST(nbd_handshake, takes_64_options_and_no_more) {
    negotiation patient;
    negotiation endless;
    for (int i = 0; i < 63; ++i) {
        EXPECT_EQ(patient.answer_to(option(opt_info, question(""))), accepted(opt_info));
        EXPECT_FALSE(endless.answer_to(option(99)).empty());
    }
    EXPECT_EQ(patient.answer_to(option(opt_go, question(""))), accepted(opt_go));
    EXPECT_FALSE(endless.answer_to(option(opt_list)).empty());
    const auto fault = endless.fault_of(option(opt_go, question("")));
    EXPECT_EQ(fault.code, iscsi::to_error_code(nbd_errc::too_many_options));
    EXPECT_EQ(fault.got, "65");
}

TEST(nbd_handshake, keeps_what_follows_the_handshake) {
    for (const bytes& last : {option(opt_go, question("")), option(opt_export_name)}) {
        negotiation client;
        client.answer_to(joined({last, of_text("request")}));
        EXPECT_EQ(client.server.now(), phase::transmission);
        EXPECT_TRUE(client.answer_to(option(opt_list)).empty()); // a request like any other
        EXPECT_EQ(client.server.take_rest(), joined({of_text("request"), option(opt_list)}));
        EXPECT_TRUE(client.server.take_rest().empty()); // taken once
    }
}

TEST(nbd_handshake, gives_no_rest_before_its_end) {
    negotiation client;
    const bytes list = option(opt_list);
    EXPECT_TRUE(client.answer_to({list.begin(), list.end() - 1}).empty());
    EXPECT_TRUE(client.server.take_rest().empty());
    EXPECT_FALSE(client.answer_to({list.back()}).empty()); // and has lost nothing by it
}

// All that a handshake did with a conversation that came in these pieces.
struct outcome {
    bytes output;
    bytes rest;
    phase at_the_end;
    std::string fault; // the first

    friend bool operator==(const outcome&, const outcome&) = default;
};

outcome outcome_of(const std::vector<iscsi::bytes_view>& pieces) {
    nbd_handshake server(small_disk());
    outcome all{server.take_output(), {}, phase::negotiating, {}};
    for (const auto piece : pieces) {
        const auto taken = server.received(piece);
        if (!taken && all.fault.empty())
            all.fault = taken.error().text();
        all.output = joined({all.output, server.take_output()});
        all.rest = joined({all.rest, server.take_rest()});
    }
    all.at_the_end = server.now();
    return all;
}

void expect_the_same_however_cut(const bytes& conversation) {
    const iscsi::bytes_view whole = conversation;
    const outcome expected = outcome_of({whole});
    std::vector<iscsi::bytes_view> single;
    for (std::size_t at = 0; at < whole.size(); ++at) {
        single.push_back(whole.subspan(at, 1));
        EXPECT_EQ(outcome_of({whole.first(at), whole.subspan(at)}), expected) << "cut at " << at;
    }
    EXPECT_EQ(outcome_of(single), expected) << "byte by byte";
}

TEST(nbd_handshake, does_the_same_however_its_bytes_are_cut) {
    const bytes options = joined(
        {be<4>(both_flags),
         option(opt_structured_reply),
         option(opt_starttls),
         option(opt_set_meta_context, bytes(9)),
         option(opt_list),
         option(opt_info, question("other", {1})),
         option(opt_info, question("lun0", {1, 3})),
         option(opt_go, bytes(3))}
    );
    const bytes go = joined({options, option(opt_go, question("", {3})), of_text("a request")});
    EXPECT_EQ(outcome_of({go}).at_the_end, phase::transmission);
    EXPECT_EQ(outcome_of({go}).rest, of_text("a request"));
    expect_the_same_however_cut(go);
    expect_the_same_however_cut(joined({options, option(opt_export_name), of_text("a request")}));
    expect_the_same_however_cut(joined({options, option(opt_export_name, of_text("other"))}));
    expect_the_same_however_cut(joined({options, option(opt_abort), of_text("dropped")}));
    expect_the_same_however_cut(joined({options, of_text("something else altogether")}));
    expect_the_same_however_cut(joined({be<4>(0), option(opt_list), option(opt_list)}));
    expect_the_same_however_cut(of_text("GET / HTTP/1.1\r\n"));
}

TEST(nbd_transmission_flags, have_one_bit_for_each_ability) {
    EXPECT_EQ(transmission_flags_of({}), 0x001);
    EXPECT_EQ(transmission_flags_of({}, true), 0x081);
    const std::pair<bool nbd_export::*, int> bits[] = {
        {&nbd_export::read_only, 0x002},
        {&nbd_export::can_flush, 0x004},
        {&nbd_export::can_fua, 0x008},
        {&nbd_export::rotational, 0x010},
        {&nbd_export::can_trim, 0x020},
        {&nbd_export::can_write_zeroes, 0x040},
        {&nbd_export::can_multi_conn, 0x100},
    };
    for (const auto& [member, bit] : bits) {
        nbd_export what;
        what.*member = true;
        EXPECT_EQ(transmission_flags_of(what), 0x001 | bit);
    }
}

TEST(nbd_transmission_flags, of_a_read_only_export_offer_nothing_that_changes_it) {
    nbd_export what;
    what.read_only = what.can_flush = what.can_trim = what.can_write_zeroes = true;
    EXPECT_EQ(transmission_flags_of(what), 0x007);
}

} // namespace
