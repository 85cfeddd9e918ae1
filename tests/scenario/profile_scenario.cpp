#include "tests/support/pair.hpp"

#include "libiscsi/core/login/login.hpp"

#include <gtest/gtest.h>

#include <array>

// Sessions with targets that have the habits of SCST, IET, LIO, tgt and istgt: CHAP with each
// digest, discovery, and data that come back as they were written. No rule may be broken on either
// side but by the habits.
namespace iscsi::test {
namespace {

constexpr auto secret = "secret-of-alice-1";
constexpr auto target_secret = "secret-of-disk-22";

// A target and a session with it, strict only where the test asks for it.
struct profiled {
    explicit profiled(const std::string& profile) {
        behave_like(profile, options, disk);
        config = world_config();
        config.negotiation = negotiation_mode::lenient;
    }

    void use_chap(const std::string& digest, bool mutual) {
        options.chap.user = "alice";
        options.chap.secret = secret;
        options.chap.own_name = "disk";
        options.chap.own_secret = target_secret;
        config.auth.outgoing = {"alice", secret};
        config.auth.chap_algorithms = {digest};
        if (mutual)
            config.auth.incoming = {"disk", target_secret};
    }

    // The world serves entropy when it is asked for.
    bool log_in(session_world& world, pair& wire) {
        world.engine().start(world.now());
        world.drain();
        return wire.run_until([&] { return world.take_event<logged_in>().has_value(); });
    }

    std::uint16_t lun() const { return options.has_controller ? 1 : 0; }

    target_options options;
    disk_options disk;
    session_config config;
};

// Unit attentions of a new session are over after as many commands.
void pass_attentions(session_world& world, pair& wire, const lun_field& lun) {
    for (int tries = 0; tries < 4; ++tries) {
        command ready;
        ready.lun = lun;
        const auto cookie = world.submit(ready, {}, false);
        ASSERT_TRUE(wire.run_until([&] { return world.entry(cookie).done; }));
        if (world.entry(cookie).good())
            return;
    }
    FAIL() << "the unit is not ready";
}

// Writes of sizes around the bursts and segments, each read back.
void write_and_verify(session_world& world, pair& wire, const lun_field& lun) {
    std::uint32_t seed = 1;
    constexpr std::array<std::uint16_t, 7> sizes{1, 16, 17, 128, 129, 512, 2048};
    for (const auto blocks : sizes) {
        const auto data = pattern(std::size_t{blocks} * world_block_size, ++seed);
        command write;
        write.lun = lun;
        write.cdb[0] = std::byte{0x2a};
        store_be16(write.cdb.data() + 7, blocks);
        const auto written = world.submit(write, data, false);
        ASSERT_TRUE(wire.run_until([&] { return world.entry(written).done; }));
        ASSERT_TRUE(world.entry(written).good()) << blocks;
        command read = write;
        read.cdb[0] = std::byte{0x28};
        const auto back = world.submit(read, std::vector<std::byte>(data.size()), true);
        ASSERT_TRUE(wire.run_until([&] { return world.entry(back).done; }));
        ASSERT_TRUE(world.entry(back).good()) << blocks;
        EXPECT_EQ(world.entry(back).data, data) << blocks;
    }
}

class target_profile : public testing::TestWithParam<std::string> {};

TEST_P(target_profile, keeps_data) {
    profiled with(GetParam());
    memory_target target(with.options, with.disk);
    session_world world(with.config);
    pair wire(world, target);
    ASSERT_TRUE(with.log_in(world, wire));
    lun_field lun{};
    store_be16(lun.data(), with.lun());
    pass_attentions(world, wire, lun);
    write_and_verify(world, wire, lun);
    EXPECT_EQ(target.complaints(), std::vector<std::string>());
    EXPECT_EQ(target.logins(), 1U);
}

TEST_P(target_profile, lets_in_who_proves_itself_with_each_of_its_digests) {
    for (const auto* digest : {"MD5", "SHA1", "SHA256", "SHA3-256"})
        for (const bool mutual : {false, true}) {
            profiled with(GetParam());
            const auto& known = with.options.chap.algorithms;
            if (std::find(known.begin(), known.end(), *chap_number_of(digest)) == known.end())
                continue;
            with.use_chap(digest, mutual);
            memory_target target(with.options, with.disk);
            session_world world(with.config);
            pair wire(world, target);
            EXPECT_TRUE(with.log_in(world, wire)) << digest << (mutual ? ", mutual" : "");
            EXPECT_EQ(target.complaints(), std::vector<std::string>());
        }
}

TEST_P(target_profile, keeps_out_who_does_not) {
    for (const auto type : {session_type::normal, session_type::discovery}) {
        profiled with(GetParam());
        with.use_chap("MD5", false);
        with.config.auth.outgoing.secret = "another-secret-77";
        with.config.type = type;
        memory_target target(with.options, with.disk);
        session_world world(with.config);
        pair wire(world, target);
        EXPECT_FALSE(with.log_in(world, wire));
        const auto how = world.take_event<login_failed>();
        ASSERT_TRUE(how.has_value());
        EXPECT_EQ(how->verdict, login_verdict::authentication);
        EXPECT_EQ(target.logins(), 0U);
    }
}

TEST_P(target_profile, is_discovered) {
    for (const bool chap : {false, true}) {
        profiled with(GetParam());
        if (chap)
            with.use_chap("MD5", true);
        with.config.type = session_type::discovery;
        with.config.target_name.clear();
        memory_target target(with.options, with.disk);
        session_world world(with.config);
        pair wire(world, target);
        ASSERT_TRUE(with.log_in(world, wire));
        ASSERT_TRUE(world.engine().send_targets("All", world.now()).has_value());
        std::optional<targets_found> found;
        ASSERT_TRUE(wire.run_until([&] {
            world.drain();
            found = world.take_event<targets_found>();
            return found.has_value();
        }));
        ASSERT_EQ(found->targets.size(), 1U);
        EXPECT_EQ(found->targets.front().name, with.options.name);
        EXPECT_EQ(target.complaints(), std::vector<std::string>());
    }
}

INSTANTIATE_TEST_SUITE_P(
    all,
    target_profile,
    testing::ValuesIn(target_profiles()),
    [](const auto& it) { return it.param; }
);

// ---- habits one by one --------------------------------------------------------------------------

TEST(target_profiles, scst_is_refused_only_when_strict) {
    for (const auto type : {session_type::normal, session_type::discovery})
        for (const auto mode : {negotiation_mode::strict, negotiation_mode::lenient}) {
            profiled with("scst");
            with.config.type = type;
            with.config.negotiation = mode;
            memory_target target(with.options, with.disk);
            session_world world(with.config);
            pair wire(world, target);
            world.engine().start(world.now());
            world.drain();
            std::optional<logged_in> in;
            std::optional<login_failed> failed;
            wire.run_until([&] {
                in = world.take_event<logged_in>();
                failed = world.take_event<login_failed>();
                return in || failed;
            });
            ASSERT_EQ(in.has_value(), mode == negotiation_mode::lenient);
            if (failed) {
                EXPECT_EQ(failed->why.field, "DefaultTime2Wait");
            } else {
                EXPECT_EQ(
                    in->warnings.front(), (negotiation_warning{"DefaultTime2Wait", "0", "2"})
                );
            }
        }
}

TEST(target_profiles, iet_refuses_a_list_of_digests_that_begins_with_another) {
    profiled with("iet");
    with.use_chap("MD5", false);
    with.config.auth.chap_algorithms = {"SHA256", "MD5"};
    memory_target target(with.options, with.disk);
    session_world world(with.config);
    pair wire(world, target);
    EXPECT_FALSE(with.log_in(world, wire));
    const auto how = world.take_event<login_failed>();
    ASSERT_TRUE(how.has_value());
    EXPECT_EQ(how->status_class, 2);
    EXPECT_NE(how->why.got.find("chap_algs = MD5"), std::string::npos) << how->why.text();
}

TEST(target_profiles, iet_crashes_on_write_same_without_data) {
    profiled with("iet");
    memory_target target(with.options, with.disk);
    bool crashed = false;
    target.crash = [&crashed] { crashed = true; };
    cdb_bytes cdb{std::byte{0x93}, std::byte{0x01}};
    target.execute({}, cdb, {});
    EXPECT_TRUE(crashed);
    EXPECT_EQ(target.complaints().size(), 1U);
}

TEST(target_profiles, iet_reads_one_byte_of_the_allocation_length) {
    profiled with("iet");
    memory_target target(with.options, with.disk);
    cdb_bytes cdb{std::byte{0x12}, std::byte{0x01}, std::byte{0x83}, std::byte{0x04}, std::byte{0}};
    EXPECT_EQ(target.execute({}, cdb, {}).data.size(), 0U) << "1024 bytes were asked for";
    cdb[3] = std::byte{0};
    cdb[4] = std::byte{252};
    EXPECT_GT(target.execute({}, cdb, {}).data.size(), 8U);
}

} // namespace
} // namespace iscsi::test
