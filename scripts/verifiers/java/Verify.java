import java.util.List;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtException;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;

/** Verifies an access token with Spring Security, given nothing but the issuer's URL. */
public final class Verify {
    private static JwtDecoder decoder(String issuer, String audience) {
        NimbusJwtDecoder decoder = NimbusJwtDecoder.withIssuerLocation(issuer)
            .validateType(false) // the validator below requires at+jwt
            .jwsAlgorithms(algorithms -> algorithms.addAll(List.of(SignatureAlgorithm.ES256, SignatureAlgorithm.RS256)))
            .build();
        decoder.setJwtValidator(JwtValidators.createAtJwtValidator()
            .issuer(issuer)
            .audience(audience)
            .clientId("watchword")
            .build());
        return decoder;
    }

    public static void main(String[] arguments) {
        if (System.getenv("ALGORITHM").equals("EdDSA")) {
            System.out.println("    Spring Security: does not support EdDSA");
            return;
        }
        JwtDecoder decoder = decoder(System.getenv("ISSUER"), System.getenv("AUDIENCE"));
        String subject = decoder.decode(System.getenv("TOKEN")).getSubject();
        if (!subject.equals(System.getenv("SUBJECT"))) {
            throw new IllegalStateException("sub is " + subject);
        }
        try {
            decoder.decode(System.getenv("FORGED"));
        } catch (JwtException refused) {
            System.out.println("    Spring Security: accepted, and the forged one refused");
            return;
        }
        throw new IllegalStateException("Spring Security accepts a forged token");
    }
}
