#include "net/resp/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace coworker::net::resp {
namespace {

struct Case {
  const char* pattern;
  const char* text;
  bool want;
};

TEST(Glob, Matches) {
  for (const Case& c : {
           Case{"*", "", true},
           Case{"*", "abc", true},
           Case{"a*c", "abbbc", true},
           Case{"a*c", "abbb", false},
           Case{"a?c", "abc", true},
           Case{"a?c", "ac", false},
           Case{"[ab]x", "bx", true},
           Case{"[ab]x", "cx", false},
           Case{"[^ab]x", "cx", true},
           Case{"[a-c]x", "bx", true},
           Case{"[c-a]x", "bx", true},
           Case{"[a-c]x", "dx", false},
           Case{"\\*", "*", true},
           Case{"\\*", "a", false},
           Case{"MAX*", "maxclients", true},
           Case{"", "", true},
           Case{"", "a", false},
           Case{"a", "", false},
           Case{"*a*b*c*", "xaxbxcx", true},
           Case{"*a*b*c*", "xaxcxbx", false},
           Case{"[", "a", false},
           Case{"[]", "a", false},
           Case{"\\", "\\", true},
       }) {
    EXPECT_EQ(glob_matches(c.pattern, c.text), c.want) << c.pattern << ' ' << c.text;
  }
}

TEST(Glob, StarsDoNotExplode) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "*a";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(10'000, 'a')));
}

}  // namespace
}  // namespace coworker::net::resp
